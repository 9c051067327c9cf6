"""Pipelines that sign in as an identity of Azure by the token of where they run: no secret to store or leak.

| `may` | roles |
|---|---|
| preview | Reader of the group |
| submit | as any submitter (access) |
| deploy | Contributor of the group; it may give and take the roles that a deployment gives to nodes and submitters |

The group itself, the identity and these roles are made by whoever deploys before a pipeline can: it can't raise itself.
Does not own the pipeline's definition, nor what it stores of its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components import naming
from components.grants import (
    ACCESS_ADMINISTRATOR,
    BLOB_CONTRIBUTOR,
    BLOB_READER,
    CONTRIBUTOR,
    JOB_SUBMITTER,
    KEY_USER,
    READER,
    SERVICE_PRINCIPAL,
    Grant,
    Granting,
    Principal,
    assign,
    only_roles,
)
from components.place import Place
from components.records import judge, setting
from components.validation import Problem, Rule, broken, matching, one_of, refuse

GITHUB = "https://token.actions.githubusercontent.com"
AUDIENCE = "api://AzureADTokenExchange"
PREVIEW, SUBMIT, DEPLOY = "preview", "submit", "deploy"
DEPLOYED_ROLES = (BLOB_CONTRIBUTOR, BLOB_READER, JOB_SUBMITTER, KEY_USER)
"""What a deployment grants. Neither Contributor nor the right to grant is among them."""

_SUBJECT = Rule(
    "must be one exact subject such as repo:owner/name:environment:production, without a wildcard",
    lambda value: isinstance(value, str) and 0 < len(value) <= 600 and not set(value) & set("*? \n\t"),
    {"type": "string", "pattern": r"^[^*?\s]+$"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """One pipeline: whose tokens are believed, and what it may do."""

    subject: str = setting(
        "The `sub` of its tokens, exactly: for GitHub `repo:OWNER/NAME:environment:ENVIRONMENT`.",
        _SUBJECT,
        lands="subject",
    )
    may: str = setting("What it is for.", one_of(PREVIEW, SUBMIT, DEPLOY), PREVIEW, lands="its role assignments")
    issuer: str = setting(
        "Who issues its tokens.", matching(r"https://[^\s?#]+", "must be an https address"), GITHUB, lands="issuer"
    )

    def conflicts(self) -> Iterator[Problem]:
        """Whoever opens a pull request gets its subject."""
        if self.may != PREVIEW and self.subject.endswith(":pull_request"):
            rule = f"may only be used to preview, not to {self.may}: anybody who opens a pull request has it"
            yield Problem("subject", self.subject, rule)


@dataclass(frozen=True, slots=True)
class PipelineArgs:
    """Where its identity lies, the end of its name, and where it gets its roles."""

    place: Place
    stem: str
    where: Granting
    settings: PipelineSettings


class Pipeline(pulumi.ComponentResource):
    """A user-assigned identity that one pipeline signs in as. Raises SettingsError for settings that are wrong.

    `client_id` is what the pipeline is told; `principal` is who gets roles.
    """

    client_id: pulumi.Output[str]
    principal: Principal

    def __init__(self, key: str, args: PipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        known = broken({"key": naming.KEY, "stem": naming.STEM}, {"key": key, "stem": args.stem})
        refuse(f"Pipeline {key}", [*known, *judge(args.settings)])
        super().__init__("azure-batch:components:Pipeline", key, {"key": key, "may": args.settings.may}, opts)
        made = _identity(key, args, self)
        _trust(key, args, made, self)
        self.client_id = made.client_id
        self.principal = Principal(made.principal_id, SERVICE_PRINCIPAL)
        assign(grants(key, args, self.principal), args.where, self)
        self.register_outputs({"clientId": self.client_id})


def submitting(pipelines: Mapping[str, Pipeline], settings: Mapping[str, PipelineSettings]) -> Mapping[str, Principal]:
    """The pipelines that may submit, as those who get roles."""
    return {f"pipeline-{key}": pipelines[key].principal for key, one in settings.items() if one.may == SUBMIT}


def grants(key: str, args: PipelineArgs, principal: Principal) -> Mapping[str, Grant]:
    """Its roles on the group, by name."""
    group = args.where.group
    if args.settings.may == PREVIEW:
        return {f"pipeline-{key}-read": Grant(group, READER, principal)}
    if args.settings.may == SUBMIT:
        return {}
    return {
        f"pipeline-{key}-deploy": Grant(group, CONTRIBUTOR, principal),
        f"pipeline-{key}-grant": Grant(group, ACCESS_ADMINISTRATOR, principal, only_roles(DEPLOYED_ROLES)),
    }


def _identity(key: str, args: PipelineArgs, parent: pulumi.Resource) -> azure.managedidentity.UserAssignedIdentity:
    return azure.managedidentity.UserAssignedIdentity(
        f"pipeline-{key}",
        resource_name_=f"{args.stem}-pipeline-{key}",
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _trust(
    key: str, args: PipelineArgs, identity: azure.managedidentity.UserAssignedIdentity, parent: pulumi.Resource
) -> None:
    azure.managedidentity.FederatedIdentityCredential(
        f"pipeline-{key}",
        federated_identity_credential_resource_name=f"pipeline-{key}",
        resource_name_=identity.name,
        resource_group_name=args.place.resource_group,
        issuer=args.settings.issuer,
        subject=args.settings.subject,
        audiences=[AUDIENCE],
        opts=pulumi.ResourceOptions(parent=parent),
    )
