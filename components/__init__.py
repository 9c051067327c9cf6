"""The deployment as Pulumi components: each module owns one part and says what it does not own.

| module | what it is for |
|---|---|
| config, validation | the stack configuration, read and judged before any resource is made |
| naming | every name Azure sees; pure |
| place | the group, region and tags that components share; names that stay known in previews |
| group, storage, identity, access, account, pool | one component each |
| start_task, blob | start-task files and how they reach Blob storage |
| outputs | what the stack tells `python -m jobs`; pure |
"""
