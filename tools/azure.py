"""`make azure STACK=dev`: the same program and policy pack on Azure, with the caller's own Azure and Pulumi logins."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tools.console import ROOT, CommandError, ask, compiling_once, explain, policy_pack, run, say

HERE = {"127.0.0.1", "localhost", "::1"}
PROOFS = {  # What a service principal proves itself with, in the order that azure-native looks for it.
    "ARM_CLIENT_SECRET": "a client secret",
    "ARM_CLIENT_CERTIFICATE_PATH": "a certificate",
    "ARM_USE_OIDC": "the token of a pipeline",
}
YES = {"--yes", "-y"}


@dataclass(frozen=True)
class Login:
    """Who deploys, in words, and into which subscription, as far as that is known."""

    who: str
    subscription: str


def refuse_local(stack: str, env: Mapping[str, str]) -> None:
    """Raise CommandError when this would not reach Azure at all."""
    if stack == "local":
        raise CommandError("the stack `local` is for Batchite", "make demo, or make azure STACK=dev", 2)
    authority = urlsplit(env.get("AZURE_AUTHORITY_HOST", "")).hostname
    if authority in HERE or "azure-native" in env.get("PULUMI_DEBUG_PROVIDERS", ""):
        raise CommandError("this shell points at Batchite, not at Azure", "open a new shell and run it there", 2)


def from_environment(env: Mapping[str, str]) -> Login | None:
    """The login that the variables `ARM_…` describe; a secret is not among what is said."""
    subscription = env.get("ARM_SUBSCRIPTION_ID", "")
    if client := env.get("ARM_CLIENT_ID"):
        proof = next((words for name, words in PROOFS.items() if env.get(name)), "no proof in the environment")
        return Login(f"the application {client} (ARM_CLIENT_ID), with {proof}", subscription)
    if env.get("ARM_USE_MSI", "").lower() == "true":
        return Login("the managed identity of this machine (ARM_USE_MSI)", subscription)
    return None


def from_cli(account: Mapping[str, object], env: Mapping[str, str]) -> Login:
    """The login of the Azure CLI, as `az account show` tells it."""
    user = account.get("user")
    name = user.get("name") if isinstance(user, dict) else None
    chosen = env.get("ARM_SUBSCRIPTION_ID") or f"{account.get('name')} ({account.get('id')})"
    return Login(f"{name}, the login of the Azure CLI", chosen)


def find_login(env: Mapping[str, str]) -> Login:
    """Who would deploy. Raises CommandError when there is no login."""
    if login := from_environment(env):
        return login
    advice = "az login, or set ARM_CLIENT_ID, ARM_TENANT_ID, ARM_SUBSCRIPTION_ID and ARM_USE_OIDC or ARM_CLIENT_SECRET"
    if shutil.which("az", path=env.get("PATH")) is None:
        raise CommandError("there is no login to Azure: no variables, and no Azure CLI", advice)
    try:
        return from_cli(json.loads(ask(["az", "account", "show", "--output", "json"], env)), env)
    except CommandError as error:
        raise CommandError(f"the Azure CLI is not signed in: {error}", advice) from None


def other_login(env: Mapping[str, str]) -> str:
    """A warning when files would be uploaded as someone else than the deployer, who alone has the right to."""
    arm, sdk = env.get("ARM_CLIENT_ID", ""), env.get("AZURE_CLIENT_ID", "")
    if arm == sdk:
        return ""
    return f"uploads sign in as AZURE_CLIENT_ID={sdk or '…'}, Pulumi as ARM_CLIENT_ID={arm or '…'}: set both alike"


def is_first(stack: str, stacks: Sequence[Mapping[str, object]]) -> bool:
    """Whether nothing of a stack is deployed yet, from what `pulumi stack ls --json` tells."""
    return not any(one.get("resourceCount") for one in stacks if str(one.get("name", "")).split("/")[-1] == stack)


def agree(stack: str, login: Login, options: Sequence[str]) -> None:
    """Ask once before anything of a new stack is made. Raises CommandError on anything but yes."""
    if YES & set(options):
        return
    if not sys.stdin.isatty():
        raise CommandError("the first deployment of a stack asks, and there is nobody to ask", "add --yes", 2)
    print(f"Deploy {stack} for the first time, as {login.who}? Azure bills what it makes. [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was deployed", "run it again when you want to", 1)


def select(stack: str) -> list[str]:
    """How the stack is made, as far as it is missing, and selected."""
    return ["pulumi", "stack", "select", "--create", stack]


def up(stack: str, options: Sequence[str]) -> list[str]:
    """How it is deployed: Pulumi shows its preview and asks before it changes anything."""
    return ["pulumi", "up", "--stack", stack, *policy_pack(stack), *options]


def deploy(stack: str, options: Sequence[str]) -> int:
    """Say who deploys, ask before the first time, deploy; the exit code of Pulumi. Raises CommandError."""
    tools = [str(ROOT / ".tools" / "bin"), str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)]
    env = {**compiling_once(os.environ), "PATH": os.pathsep.join(tools)}
    login = find_login(env)
    say(f"deploying {stack} as {login.who}")
    say(f"subscription: {login.subscription or 'the one that the stack or the login names'}")
    if warning := other_login(env):
        say(warning)
    if code := run(select(stack), env):
        return code
    if is_first(stack, json.loads(ask(["pulumi", "stack", "ls", "--json"], env))):
        agree(stack, login, options)
    return run(up(stack, options), env)


def main() -> int:
    """Deploy; other options go to `pulumi up`."""
    parser = argparse.ArgumentParser(prog="make azure", description=__doc__)
    parser.add_argument("--stack", required=True)
    arguments, options = parser.parse_known_args()
    try:
        refuse_local(arguments.stack, os.environ)
        return deploy(arguments.stack, options)
    except CommandError as error:
        return explain(error)


if __name__ == "__main__":
    sys.exit(main())
