"""The policy pack: `pulumi up --policy-pack policies [--policy-pack-config policies/config/dev.json]`."""
