"""Tokens, the keys they are signed with, the certificates, and the environment."""

import json
import os
import ssl
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from batchite.errors import ServiceError
from batchite.identity.ca import ensure_certificates
from batchite.identity.environment import Ports, environment, render, write_environment
from batchite.identity.tokens import Keys, TokenIssuer, TokenVerifier, create_keys, load_or_create_keys
from batchite.identity.well_known import BATCH_AUDIENCES, TENANT_ID, known_audience, local_audiences, storage_audiences

BATCH = "https://batch.core.windows.net/"


def mode(path: Path) -> int:
    """The permission bits."""
    return path.stat().st_mode & 0o777


def refusal(verifier: TokenVerifier, token: str) -> str:
    """Why a token is refused."""
    with pytest.raises(ServiceError) as caught:
        verifier.verify(token, BATCH_AUDIENCES)
    assert (caught.value.code, caught.value.status) == ("InvalidAuthenticationToken", 401)
    assert token not in str(caught.value)
    return caught.value.detail


@pytest.mark.documented
def test_a_token_has_entras_claims(issuer: TokenIssuer) -> None:
    """Version 1.0 of Entra's access tokens, verifiable with the published key set."""
    token = issuer.issue(BATCH, "object", "client")
    key = jwt.PyJWKSet.from_dict(issuer.key_set())[issuer.key_id]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=BATCH)
    assert claims["iss"] == f"https://sts.windows.net/{TENANT_ID}/"
    assert (claims["oid"], claims["appid"], claims["tid"], claims["ver"]) == ("object", "client", TENANT_ID, "1.0")
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.ours
@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_slashes_at_the_end_of_an_audience_do_not_matter(issuer: TokenIssuer, slashes: str) -> None:
    """The SDK's scope has two of them."""
    token = issuer.issue("https://batch.core.windows.net" + slashes, "object", "client")
    assert TokenVerifier(issuer.public_key).verify(token, BATCH_AUDIENCES).object_id == "object"


@pytest.mark.ours
def test_a_token_ends_even_when_it_is_remembered(issuer: TokenIssuer) -> None:
    """Verified once, it is still refused after its time."""
    now = [0.0]
    real = TokenVerifier(issuer.public_key, clock=lambda: now[0])
    token = issuer.issue(BATCH, "object", "client", lifetime=60)
    now[0] = jwt.decode(token, options={"verify_signature": False})["iat"]
    assert real.verify(token, BATCH_AUDIENCES).object_id == "object"
    now[0] += 60
    assert "expired" in refusal(real, token)
    assert "expired" in refusal(real, token)


@pytest.mark.ours
def test_tokens_of_others_are_refused(issuer: TokenIssuer) -> None:
    """Another key, another tenant, another audience, no signature, no token."""
    verifier = TokenVerifier(issuer.public_key)
    refusal(verifier, TokenIssuer(create_keys().token_key).issue(BATCH, "object", "client"))
    refusal(verifier, issuer.issue(BATCH, "object", "client", tenant="another"))
    assert "audience" in refusal(verifier, issuer.issue("https://storage.azure.com/", "object", "client"))
    claims = jwt.decode(issuer.issue(BATCH, "object", "client"), options={"verify_signature": False})
    refusal(verifier, jwt.encode(claims, "", algorithm="none"))
    refusal(verifier, "nonsense")


@pytest.mark.ours
def test_known_audiences() -> None:
    """Batch, ARM, storage, single storage accounts and this server; nothing else."""
    local = local_audiences(443)
    for resource in (BATCH, "https://management.azure.com/", "https://Storage.azure.com", "https://localhost:443/"):
        assert known_audience(resource, local)
    assert known_audience("https://mine.blob.core.windows.net")
    assert not known_audience("https://.blob.core.windows.net")
    assert not known_audience("https://a.b.blob.core.windows.net")
    assert not known_audience("https://localhost:444/", local)
    assert not known_audience("https://graph.microsoft.com/")


@pytest.mark.documented
def test_a_token_for_one_storage_account_opens_no_other(issuer: TokenIssuer) -> None:
    """A token may name all of storage or a single account."""
    verifier = TokenVerifier(issuer.public_key)
    one = issuer.issue("https://mine.blob.core.windows.net", "object", "client")
    assert verifier.verify(one, storage_audiences("mine")).object_id == "object"
    with pytest.raises(ServiceError, match="audience"):
        verifier.verify(one, storage_audiences("other"))


@pytest.mark.ours
def test_keys_are_made_once_and_kept_private(tmp_path: Path) -> None:
    """The same secrets at every start, readable by the owner alone, shown by no repr."""
    path = tmp_path / "keys.json"
    keys = load_or_create_keys(path)
    assert (load_or_create_keys(path), mode(path)) == (keys, 0o600)
    assert keys.client_secret not in repr(keys)
    path.write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        load_or_create_keys(path)


@pytest.mark.ours
def test_certificates_are_kept_until_they_are_about_to_expire(tmp_path: Path) -> None:
    """A second start changes nothing; a month before the end, or when a file is damaged, all are made anew."""
    made = ensure_certificates(tmp_path)
    assert mode(made.key) == 0o600
    assert mode(made.bundle) == 0o644
    assert not list(tmp_path.glob("*ca-key*"))
    former = made.certificate.read_bytes()
    ensure_certificates(tmp_path)
    assert made.certificate.read_bytes() == former
    ensure_certificates(tmp_path, now=datetime.now(UTC) + timedelta(days=370))
    renewed = made.certificate.read_bytes()
    assert renewed != former
    made.key.write_text("damaged")
    ensure_certificates(tmp_path)
    assert made.certificate.read_bytes() not in (former, renewed)


@pytest.mark.ours
def test_the_bundle_repeats_what_the_process_trusted(tmp_path: Path) -> None:
    """Each certificate once, ours at the start; an earlier authority of ours goes, our own bundle may be the source."""
    corporate = ensure_certificates(tmp_path / "corporate", {}).ca
    environ = {"SSL_CERT_FILE": str(corporate), "REQUESTS_CA_BUNDLE": str(corporate)}
    made = ensure_certificates(tmp_path / "ours", environ)
    former, corporate_text = made.ca.read_text(), corporate.read_text().strip()
    assert made.bundle.read_text().count(corporate_text) == 1
    made.key.unlink()
    ensure_certificates(tmp_path / "ours", {"SSL_CERT_FILE": str(made.bundle)})
    bundle = made.bundle.read_text()
    assert bundle.startswith(made.ca.read_text())
    assert bundle.count(corporate_text) == 1
    assert former not in bundle
    assert ssl.create_default_context(cafile=str(made.bundle)).cert_store_stats()["x509_ca"] >= 2


@pytest.fixture
def variables(tmp_path: Path, keys: Keys) -> dict[str, str]:
    """The environment of a made-up server."""
    awkward = replace(keys, client_secret="it's $HOME\\")
    return environment(Ports(1, 2, 3), awkward, ensure_certificates(tmp_path / "ca"), tmp_path, 4)


@pytest.mark.ours
def test_the_environment_points_everything_here(variables: dict[str, str], tmp_path: Path) -> None:
    """The variables of `batchite env`, absolute paths, the tenant as a GUID where ARM_* wants one."""
    assert variables["AZURE_BATCH_ENDPOINT"] == "http://127.0.0.1:1/batch/batchite"
    assert variables["AZURE_AUTHORITY_HOST"] == "https://127.0.0.1:2"
    assert (variables["AZURE_TENANT_ID"], variables["ARM_TENANT_ID"]) == ("adfs", TENANT_ID)
    assert "BlobEndpoint=https://127.0.0.1:3/batchite;" in variables["AZURE_STORAGE_CONNECTION_STRING"]
    assert variables["PULUMI_DEBUG_PROVIDERS"] == "azure-native:4"
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/pulumi/state"
    assert variables["SSL_CERT_FILE"] == variables["REQUESTS_CA_BUNDLE"] == str(tmp_path / "ca" / "bundle.pem")


@pytest.mark.ours
def test_a_shell_reads_back_what_was_written(variables: dict[str, str], tmp_path: Path) -> None:
    """`eval "$(batchite env)"` exports every value to child processes, and `DIR/env` can be sourced."""
    path = write_environment(tmp_path, variables)
    assert mode(path) == 0o600
    (tmp_path / "printed").write_text(render(variables, "sh"))
    for script in (f'eval "$(cat {tmp_path}/printed)"', f"set -a; . {path}"):
        shown = subprocess.run(["/bin/sh", "-c", f"{script}\nenv -0"], env={}, capture_output=True, check=True).stdout
        lines = dict(line.split("=", 1) for line in shown.decode().split("\0") if line)
        assert {name: lines.get(name) for name in variables} == variables


@pytest.mark.ours
def test_other_formats(variables: dict[str, str]) -> None:
    """JSON for programs, bare lines for $GITHUB_ENV, nothing else."""
    assert json.loads(render(variables, "json")) == variables
    assert dict(line.split("=", 1) for line in render(variables, "github").splitlines()) == variables
    with pytest.raises(KeyError):
        render(variables, "toml")


@pytest.mark.ours
def test_no_file_is_ever_wider_than_it_should_be(tmp_path: Path) -> None:
    """The mode holds whatever the umask, and no temporary file stays."""
    former = os.umask(0)
    try:
        load_or_create_keys(tmp_path / "keys.json")
    finally:
        os.umask(former)
    assert [(path.name, mode(path)) for path in tmp_path.iterdir()] == [("keys.json", 0o600)]
