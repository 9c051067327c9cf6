"""Container settings: their rules, what is shown of them, and what the agent is told."""

from typing import Any

import pytest
from batch.harness import POOL, Account

from batchite.agent.launch import Bind, Image
from batchite.batch.containers import Place, container, engine_refusal, images, settings_missing
from batchite.scheduler.model import Failure

REGISTRY = {"registryServer": "Reg.example", "username": "me", "password": "SECRET"}
CONFIGURATION = {
    "type": "dockerCompatible",
    "containerImageNames": ["reg.example/a:1"],
    "containerRegistries": [REGISTRY],
}
MACHINE = POOL["virtualMachineConfiguration"] | {"containerConfiguration": CONFIGURATION}
CONTAINERS = POOL | {"virtualMachineConfiguration": MACHINE}
SETTINGS = {
    "imageName": "reg.example/a:1",
    "containerRunOptions": "--memory 1g --rm",
    "registry": REGISTRY,
    "workingDirectory": "containerImageDefault",
    "containerHostBatchBindMounts": [{"source": "Shared", "isReadOnly": True}, {"source": "Task"}],
}
PLACE = Place("/node", "workitems/j/job-1/t", "/node/prep", "/ca/bundle.pem")


def made(settings: dict[str, Any], pool: dict[str, Any] = CONTAINERS) -> Any:
    """What the agent gets for a task with these settings."""
    return container(pool, {"commandLine": "x", "containerSettings": settings}, PLACE, allow_host_changes=False)


@pytest.mark.documented
def test_settings_are_given_back_without_passwords(account: Account) -> None:
    """Of the pool, its start task, a job, its own tasks, a schedule and a task."""
    start = {"commandLine": "exit 0", "containerSettings": SETTINGS}
    assert account.post("/pools", CONTAINERS | {"startTask": start}).status == 201
    own = {"commandLine": "exit 0", "containerSettings": SETTINGS}
    info = {"poolInfo": {"poolId": "pool"}, "jobPreparationTask": own, "jobReleaseTask": own}
    assert account.post("/jobs", {"id": "job"} | info).status == 201
    auto = {"poolLifetimeOption": "job", "pool": {name: value for name, value in CONTAINERS.items() if name != "id"}}
    specification = {"poolInfo": {"autoPoolSpecification": auto}, "jobManagerTask": own | {"id": "m"}}
    timing = {"doNotRunUntil": "2999-01-01T00:00:00Z"}
    plan = {"id": "plan", "schedule": timing, "jobSpecification": specification}
    assert account.post("/jobschedules", plan).status == 201
    assert account.post("/jobs/job/tasks", {"id": "t", "commandLine": "", "containerSettings": SETTINGS}).status == 201
    shown = [account.get(one) for one in ("/pools/pool", "/jobs/job", "/jobs/job/tasks/t", "/jobschedules/plan")]
    shown += [account.get(one) for one in ("/pools", "/jobs", "/jobs/job/tasks", "/jobschedules")]
    assert all(answer.status == 200 for answer in shown)
    assert not [answer for answer in shown if b"SECRET" in answer.body]
    kept = {name: value for name, value in REGISTRY.items() if name != "password"}
    expected = SETTINGS | {"registry": kept}
    assert shown[2].json["containerSettings"] == expected
    assert shown[1].json["jobPreparationTask"]["containerSettings"] == expected
    found = shown[0].json["virtualMachineConfiguration"]["containerConfiguration"]
    assert found == CONFIGURATION | {"containerRegistries": [kept]}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("settings", "code", "name"),
    [
        ({}, "MissingRequiredProperty", "containerSettings.imageName"),
        ({"imageName": "i", "workingDirectory": "here"}, "InvalidPropertyValue", "containerSettings.workingDirectory"),
        (
            {"imageName": "i", "containerHostBatchBindMounts": [{"source": "Home"}]},
            "InvalidPropertyValue",
            "containerSettings.containerHostBatchBindMounts[0].source",
        ),
        ({"imageName": "i", "other": 1}, "InvalidRequestBody", "containerSettings.other"),
    ],
)
def test_settings_of_the_wrong_form_are_refused(
    account: Account, settings: dict[str, Any], code: str, name: str
) -> None:
    """By the property's name; no task is made."""
    account.pool()
    account.job()
    answer = account.post("/jobs/job/tasks", {"id": "t", "commandLine": "x", "containerSettings": settings})
    assert (answer.status, answer.code, answer.values["PropertyName"]) == (400, code, name)
    assert account.get("/jobs/job/tasks/t").status == 404


@pytest.mark.ours
@pytest.mark.parametrize("name", ["--privileged", "-v", "an image", ""])
def test_a_name_of_an_image_is_no_option_of_the_engine(account: Account, name: str) -> None:
    """The names that follow it, the command's words, would be options too."""
    account.pool()
    account.job()
    body = {"id": "t", "commandLine": "--volume=/:/host i", "containerSettings": {"imageName": name}}
    answer = account.post("/jobs/job/tasks", body)
    assert (answer.status, answer.values["PropertyName"]) == (400, "containerSettings.imageName")


@pytest.mark.documented
def test_only_in_a_container_may_a_command_line_be_empty(account: Account) -> None:
    """There it leaves the command to the image."""
    account.pool()
    account.job()
    assert account.post("/jobs/job/tasks", {"id": "t", "commandLine": ""}).status == 400
    answer = account.post("/jobs/job/tasks", {"id": "t", "commandLine": "", "containerSettings": {"imageName": "i"}})
    assert answer.status == 201


@pytest.mark.ours
def test_instances_of_a_task_have_no_containers(account: Account) -> None:
    """A multi-instance task in containers is refused by name."""
    account.pool(enableInterNodeCommunication=True)
    account.job()
    several = {"numberOfInstances": 2, "coordinationCommandLine": "x"}
    body = {"id": "t", "commandLine": "x", "containerSettings": {"imageName": "i"}, "multiInstanceSettings": several}
    answer = account.post("/jobs/job/tasks", body)
    assert (answer.status, answer.values["PropertyName"]) == (501, "containerSettings")


@pytest.mark.documented
def test_a_container_sees_the_node_or_what_is_named_of_it() -> None:
    """Without a list the whole root; the certificates that nodes trust come along."""
    trusted = Bind("/ca/bundle.pem", read_only=True)
    assert made({"imageName": "i"}).binds == (Bind("/node"), trusted)
    listed = [{"source": name} for name in ("Startup", "VfsMounts", "Task", "JobPrep", "Applications")]
    found = made(
        {"imageName": "i", "containerHostBatchBindMounts": [{"source": "Shared", "isReadOnly": True}, *listed]}
    )
    names = ("startup", "fsmounts", "workitems/j/job-1/t", "prep", "applications")
    assert found.binds == (Bind("/node/shared", read_only=True), *(Bind(f"/node/{name}") for name in names), trusted)
    assert made({"imageName": "i", "containerHostBatchBindMounts": []}).binds == (trusted,)


@pytest.mark.documented
def test_an_image_is_pulled_as_the_task_or_the_pool_says() -> None:
    """The task's registry, else the pool's with the host of the image's name, else nobody's."""
    pool = Image("reg.example/a:1", "reg.example", "me", "SECRET")
    assert images(CONTAINERS) == (pool,)
    assert made({"imageName": "reg.example/a:1"}).image == pool
    assert made({"imageName": "ubuntu:24.04"}).image == Image("ubuntu:24.04", "docker.io")
    by_identity = {"registryServer": "https://acr.example/", "identityReference": {"resourceId": "/id"}}
    found = made({"imageName": "acr.example/b", "registry": by_identity})
    assert found.image == Image("acr.example/b", "acr.example", identity="/id")


@pytest.mark.documented
def test_the_working_directory_is_the_tasks_unless_the_images_is_wanted() -> None:
    """As in the service."""
    assert made({"imageName": "i"}).in_task_directory
    assert not made(SETTINGS).in_task_directory
    assert made(SETTINGS).options == ("--memory=1g",)


@pytest.mark.recorded
def test_pool_and_task_must_agree_on_containers() -> None:
    """The codes that the service's own tests and users saw: the task is taken, and fails on its node."""
    refused = made({"imageName": "i"}, POOL)
    assert isinstance(refused, Failure)
    assert refused.code == "ContainerPoolNotSupported"
    missing = settings_missing(CONTAINERS, {"commandLine": "x"})
    assert missing is not None
    assert missing.code == "ContainerTaskSettingsNotFound"
    assert missing.message == "Container-enabled compute node requires task container settings"
    assert settings_missing(POOL, {"commandLine": "x"}) is None


@pytest.mark.ours
def test_an_option_that_could_change_the_host_is_the_tasks_failure() -> None:
    """It is named, with what to do."""
    refused = made({"imageName": "i", "containerRunOptions": "--privileged"})
    assert isinstance(refused, Failure)
    assert refused.code == "ContainerInvalidSettings"
    assert refused.details[0].name == "containerRunOptions"
    assert "--privileged" in refused.details[0].value
    assert "--allow-host-changes" in refused.details[0].value


@pytest.mark.ours
def test_without_an_engine_no_node_of_such_a_pool_can_be_had() -> None:
    """Other pools are as they are."""
    found = engine_refusal(CONTAINERS, "no docker answers")
    assert found is not None
    assert "no docker answers" in found.message
    assert engine_refusal(POOL, "no docker answers") is None
    assert engine_refusal(CONTAINERS, "") is None
    assert "SECRET" not in repr(found)
