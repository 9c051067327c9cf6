"""The deployment as Pulumi components: each module owns one part and says what it does not own.

| module | what it is for |
|---|---|
| config, records, validation | the stack configuration, read and judged before any resource is made |
| reference | `docs/configuration.md` and the JSON Schema of stack files, written from the settings |
| naming | every name Azure sees; pure |
| place | the group, region and tags that components share; names that stay known in previews |
| group, storage, identity, access, account, pool | one component each |
| network, private_endpoint, key_vault, pipeline, monitoring, budget | as these, deployed where they are configured |
| public_access | who is let in from the internet, for all services alike; pure |
| grants | role assignments that survive a second deployment and a slow directory |
| alerts | what is worth waking someone for; pure |
| optional | parts that are there only where they are configured; pure |
| start_task, blob | start-task files and how they reach Blob storage |
| outputs | what the stack tells `python -m jobs`; pure |
"""
