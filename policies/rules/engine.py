"""From rules to policies of the Pulumi engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policies.rules.rule import Rule, Unclear

_TOKEN = re.compile(r"azure-native(?:_[a-z]+_v\w+)?:([a-z]+)(?:/v\w+)?:(\w+)")


def kind(token: str) -> str:
    """The type "module:Type" of a resource token, with or without an explicit API version; "" for other providers."""
    match = _TOKEN.fullmatch(token)
    return f"{match[1]}:{match[2]}" if match else ""


def policy(rule: Rule) -> ResourceValidationPolicy:
    """The policy that applies a rule."""
    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validator(rule),
        config_schema=_schema(rule) if rule.settings else None,
        severity=Severity(rule.severity),
    )


def validator(rule: Rule) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    """Reports each violation; then, if something the rule needs is unknown, lets the engine say so (an advisory)."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if kind(args.resource_type) != rule.resource:
            return
        unclear = []
        for finding in _findings(rule, args):
            if isinstance(finding, Unclear):
                unclear.append(finding.path)
            else:
                report(finding, None)
        if unclear:
            raise UnknownValueError(UNKNOWN_STRING_VALUE, unclear[:1])

    return validate


def _findings(rule: Rule, args: ResourceValidationArgs) -> list[str | Unclear]:
    defaults = {name: setting.default for name, setting in rule.settings.items()}
    try:
        return list(rule.judge(args.props, {**defaults, **args.get_config()}))
    except Exception as error:  # noqa: BLE001 - any other exception ends the whole run, without naming the rule
        return [f"the rule itself failed ({type(error).__name__}): this is a defect of the policy pack"]


def _schema(rule: Rule) -> PolicyConfigSchema:
    properties: dict[str, Any] = {
        name: {
            "type": "integer",
            "description": setting.description,
            "default": setting.default,
            "minimum": setting.minimum,
        }
        for name, setting in rule.settings.items()
    }
    return PolicyConfigSchema(properties=properties)
