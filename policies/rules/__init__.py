"""The rules, one a module; each module says why its rule is there."""

from policies.rules import (
    batch_account_autostorage_identity,
    batch_account_entra_only,
    batch_pool_autoscale_caps,
    batch_pool_identity,
    batch_pool_simplified_communication,
    batch_pool_start_task_robust,
    batch_pool_start_task_secrets,
    storage_container_private,
    storage_https,
    storage_no_public_blob,
    storage_no_shared_key,
    storage_tls12,
)

RULES = (
    batch_account_entra_only.RULE,
    batch_account_autostorage_identity.RULE,
    batch_pool_autoscale_caps.RULE,
    batch_pool_start_task_secrets.RULE,
    batch_pool_start_task_robust.RULE,
    batch_pool_identity.RULE,
    batch_pool_simplified_communication.RULE,
    storage_no_shared_key.RULE,
    storage_no_public_blob.RULE,
    storage_container_private.RULE,
    storage_https.RULE,
    storage_tls12.RULE,
)
