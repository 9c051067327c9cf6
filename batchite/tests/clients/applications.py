"""An account with an active application package, made through ARM."""

from typing import Any

import requests
from servers import RunningServer, wait_until

NAME = "packaged"


def account_with_application(running: RunningServer) -> tuple[str, str, str]:
    """Endpoint, name and key of the account; it is made when it is not there yet."""
    arm = Arm(running)
    group = f"/subscriptions/{running.environment['ARM_SUBSCRIPTION_ID']}/resourceGroups/{NAME}"
    store = f"{group}/providers/Microsoft.Storage/storageAccounts/{NAME}store"
    account = f"{group}/providers/Microsoft.Batch/batchAccounts/{NAME}"
    version = f"{account}/applications/tool/versions/1.0"
    if arm.send("GET", version).status_code != 200:
        arm.put(group, {})
        arm.put(store, {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
        linked = {"storageAccountId": store, "authenticationMode": "StorageKeys"}
        arm.put(account, {"properties": {"autoStorage": linked}})
        arm.put(f"{account}/applications/tool", None)
        arm.put(version, None)
        url = arm.send("GET", version).json()["properties"]["storageUrl"]
        headers = {"x-ms-blob-type": "BlockBlob"}
        arm.session.put(url, data=b"PK\x05\x06" + b"\0" * 18, headers=headers, timeout=20).raise_for_status()
        arm.send("POST", f"{version}/activate", {"format": "zip"}).raise_for_status()
    key = arm.send("POST", f"{account}/listKeys").json()["primary"]
    return f"{running.ready['http']}/batch/{NAME}", NAME, key


class Arm:
    """ARM of a running server, as its developer."""

    def __init__(self, running: RunningServer) -> None:
        env = running.environment
        self.base, self.session = running.ready["https"], requests.Session()
        self.session.verify = env["REQUESTS_CA_BUNDLE"]
        self.session.trust_env = False
        form = {"client_id": env["AZURE_CLIENT_ID"], "client_secret": env["AZURE_CLIENT_SECRET"]}
        form |= {"grant_type": "client_credentials", "resource": "https://management.azure.com/"}
        answer = self.session.post(f"{self.base}/adfs/oauth2/token", data=form, timeout=20).json()
        self.token = {"Authorization": f"Bearer {answer['access_token']}"}

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """The answer to a request."""
        url = f"{self.base}{path}?api-version=2024-07-01"
        return self.session.request(method, url, json=body, headers=self.token, timeout=20)

    def put(self, path: str, body: Any) -> None:
        """Make a resource and wait until it is there."""
        answer = self.send("PUT", path, body if body is None else {"location": "westeurope", **body})
        assert answer.status_code < 300, answer.text
        wait_until(lambda: self.send("GET", path).status_code == 200, f"{path} is there")
