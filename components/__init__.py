"""The deployment as Pulumi components: each module owns one part and says what it does not own.

| module | what it is for |
|---|---|
| config, records, validation | the stack configuration, read and judged before any resource is made |
| preflight | what files, sizes and the calendar say of pools, judged with it |
| reference | `docs/configuration.md` and the JSON Schema of stack files, written from the settings |
| naming | every name Azure sees; pure |
| place | the group, region and tags that components share; names that stay known in previews |
| group, storage, identity, access, account, pool | one component each |
| network, private_endpoint, key_vault, pipeline, monitoring, budget | as these, deployed where they are configured |
| public_access | who is let in from the internet, for all services alike; pure |
| grants | role assignments that survive a second deployment and a slow directory |
| alerts | what is worth waking someone for; pure |
| optional | parts that are there only where they are configured; pure |
| pool_settings, pool_inputs | what a pool may be configured to be, and what it becomes in ARM's names; pure |
| arm_inputs | inputs in ARM's own names, judged against the SDK's classes and built from them |
| images, sizes, lifetimes | operating systems and machines by name, the cheapest that is enough, when they end; pure |
| quotas | whether an account has what its pools may ask for; pure |
| draining | keeps a replaced pool until its running tasks have ended |
| patience | failures of ARM that pass by themselves |
| package, package_settings, package_version, packing | application packages, in versions of their content |
| sdk | the Azure SDK for what is done during a deployment, imported late and by one thread |
| resource_manager | requests to ARM that the provider does not make |
| reach | where each input of the Batch types comes from: one half of `docs/pools.md`; pure |
| start_task, start_task_settings, blob | start-task files and how they reach Blob storage |
| outputs | what the stack tells `python -m jobs`; pure |
"""
