import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # The engine runs this file on its own.

from policies.rules import RULES
from policies.rules.engine import policy

PolicyPack("azure-batch", [policy(rule) for rule in RULES], enforcement_level=EnforcementLevel.MANDATORY)
