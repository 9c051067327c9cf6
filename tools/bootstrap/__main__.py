"""`python3 -m tools.bootstrap [--only deploy]`: bring what is missing."""

import os
import shutil
import sys

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main() -> int:
    """Run the steps for everything, or only those a deployment to Azure needs."""
    from tools.bootstrap import node, pulumi_cli, python_env  # noqa: PLC0415 - these need a Python that was checked
    from tools.bootstrap.steps import Step, perform  # noqa: PLC0415

    deploy_only = sys.argv[1:] == ["--only", "deploy"]
    if sys.argv[1:] and not deploy_only:
        print("usage: python3 -m tools.bootstrap [--only deploy]", file=sys.stderr)
        return 2
    requirements = "requirements.txt" if deploy_only else "requirements-local.txt"
    common = [
        Step("Python environment", "keeps the project's packages apart from yours, in .venv", python_env.make_venv),
        Step("Python packages", f"exactly those of {requirements}", lambda: python_env.install(requirements)),
    ]
    local = [
        Step("Node", "runs the blob store", node.bring_node),
        Step("Azurite", "stores the blobs of the local stack", node.bring_azurite),
    ]
    engine = [Step("Pulumi", "deploys the stacks; your own Pulumi login is left alone", pulumi_cli.bring_cli)]
    return perform([*common, *([] if deploy_only else local), *engine])


def insist_on_python() -> None:
    """Go on in a newer Python of this machine when this one is too old, else say what to do."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        if shutil.which(name):
            os.execvp(name, [name, "-m", "tools.bootstrap", *sys.argv[1:]])  # noqa: S606 - the same program again, in a newer Python
    print(
        "This is Python {}.{}; 3.11 or newer is needed.\nnext: install one (your system's packages, python.org or "
        "`uv python install 3.12`), then: make PYTHON=python3.12".format(*sys.version_info[:2]),
        file=sys.stderr,
    )
    sys.exit(1)


if __name__ == "__main__":
    insist_on_python()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped; run it again to go on: finished steps are not repeated", file=sys.stderr)
        sys.exit(130)
