"""Azure Resource Manager as far as the deployment needs it: resources, their rules, roles and long-running operations.

`plane.arm_routes` is the entry; `types/` holds one module per resource type.
"""
