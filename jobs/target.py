"""Where jobs run: the outputs of a Pulumi stack, read from the stack or from a file.

{"batch": {"endpoint", "account"}, "storage": {"account", "blobEndpoint", "containers": {"input", "output", "logs"}},
 "pools": {key: {"id", "identityResourceId", "identityClientId", …}}, "environmentFile"?: path}
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.errors import UsageError

PULUMI_SECONDS = 120
Json = dict[str, Any]


@dataclass(frozen=True)
class Pool:
    """A pool and the user-assigned identity its tasks act as."""

    id: str
    identity_resource_id: str
    identity_client_id: str


@dataclass(frozen=True)
class Target:
    """Everything `jobs` must know about a deployment; holds no secret."""

    batch_endpoint: str
    account: str
    blob_endpoint: str
    input_container: str
    output_container: str
    logs_container: str
    pools: Mapping[str, Pool]
    environment_file: str = ""
    outputs: Json = field(default_factory=dict, compare=False)

    def container_url(self, container: str) -> str:
        """Address of a container of the deployment's storage account."""
        return f"{self.blob_endpoint}/{container}"

    def pool(self, key: str) -> Pool:
        """The pool of that key. Raises UsageError naming those there are."""
        if key not in self.pools:
            raise UsageError(f"the stack has no pool {key!r}; its pools: {', '.join(self.pools) or 'none'}")
        return self.pools[key]


def parse_outputs(outputs: Json) -> Target:
    """Read the outputs of a stack. Raises UsageError naming what is missing."""
    try:
        containers = outputs["storage"]["containers"]
        return Target(
            batch_endpoint=outputs["batch"]["endpoint"].rstrip("/"),
            account=outputs["batch"]["account"],
            blob_endpoint=outputs["storage"]["blobEndpoint"].rstrip("/"),
            input_container=containers["input"],
            output_container=containers["output"],
            logs_container=containers["logs"],
            pools={key: parse_pool(pool) for key, pool in outputs["pools"].items()},
            environment_file=outputs.get("environmentFile", ""),
            outputs=outputs,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"these are not the outputs of this project's stack: {error} is missing; run `pulumi up`"
        ) from error


def parse_pool(pool: Json) -> Pool:
    """Read one pool of the outputs."""
    return Pool(pool["id"], pool["identityResourceId"], pool["identityClientId"])


def read_outputs_file(path: Path) -> Json:
    """Read what `pulumi stack output --json` once wrote. Raises UsageError."""
    try:
        return as_object(path.read_text(), str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def read_stack(stack: str) -> Json:
    """Ask the Pulumi CLI for the outputs of a stack, the selected one if `stack` is empty. Raises UsageError."""
    pulumi = shutil.which("pulumi", path=f".tools/bin{os.pathsep}{os.environ.get('PATH', '')}")
    if not pulumi:
        raise UsageError(
            "the Pulumi CLI was not found; run `make setup`, or pass the stack's outputs with --outputs FILE"
        )
    command = [pulumi, "stack", "output", "--json", "--non-interactive", *(["--stack", stack] if stack else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PULUMI_SECONDS, check=False)
    if done.returncode:
        raise UsageError(f"pulumi could not give the stack's outputs:\n{done.stderr.strip()}\n{stack_advice(stack)}")
    return as_object(done.stdout, "pulumi stack output")


def stack_advice(stack: str) -> str:
    """What to do when the stack cannot be read."""
    deploy = f"deploy it with `pulumi up --stack {stack}`" if stack else "choose a deployed stack with --stack NAME"
    return f"Next: {deploy}, or pass its outputs with --outputs FILE."


def as_object(text: str, source: str) -> Json:
    """Parse a JSON object. Raises UsageError naming the source."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{source} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{source} holds no JSON object")
    return value


def parse_environment(text: str) -> dict[str, str]:
    """Read lines of KEY=value, values quoted as for sh; `export` in front is fine. Raises ValueError."""
    variables = {}
    for line in text.splitlines():
        words = [word for word in shlex.split(line, comments=True) if word != "export"]
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise ValueError(f"{name!r} is not KEY=value")
            variables[name] = value
    return variables


def load_environment(target: Target) -> None:
    """Load the deployment's environment file, if it has one, into this process. Raises UsageError."""
    if not target.environment_file:
        return
    path = Path(target.environment_file)
    try:
        os.environ.update(parse_environment(path.read_text()))
    except OSError as error:
        advice = "is the local service set up? `make demo` does it"
        raise UsageError(
            f"cannot read {path}, which the stack names as its environment: {error.strerror}; {advice}"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a file of KEY=value lines") from error
