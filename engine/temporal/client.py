"""The way to the Temporal server, as Temporal's own client configuration says: file, variables, TLS, API key."""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from engine.errors import UsageError
from engine.temporal.workflows import PACK, ROLE, STATE, STORY, WAITING

_TYPES = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}
ATTRIBUTES = {
    PACK.name: "Keyword",
    STORY.name: "KeywordList",
    STATE.name: "Keyword",
    ROLE.name: "Keyword",
    WAITING.name: "KeywordList",
}
"""Search attribute → its type, as `temporal operator search-attribute create` spells it."""
_UNSAID = (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED)
"""What a server answers that does not let clients ask: Temporal Cloud."""


async def connect(address: str | None = None) -> Client:
    """Connect, and refuse what could not work: no server, no such namespace, search attributes that are missing."""
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as err:
        raise UsageError(f"Temporal's client configuration: {' '.join(str(err).split())}.") from err
    host = address or config.get("target_host") or "localhost:7233"
    config["target_host"] = host
    try:
        client = await Client.connect(**config, data_converter=pydantic_data_converter)
    except (RuntimeError, ValueError) as err:
        why = " ".join(str(err).split())[:200]
        raise UsageError(
            f"no Temporal server answers at {host} ({why}). Start one (`temporal server start-dev` for a try), or say "
            "where it is: --temporal HOST:PORT, TEMPORAL_ADDRESS, or Temporal's own configuration file."
        ) from err
    await _demand_namespace(client)
    await _demand_attributes(client)
    return client


async def _demand_namespace(client: Client) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as err:
        if err.status == RPCStatusCode.NOT_FOUND:
            raise UsageError(
                f"the Temporal server has no namespace {client.namespace!r}. Create it (`temporal operator namespace "
                f"create --namespace {client.namespace}`), or set TEMPORAL_NAMESPACE."
            ) from err
        if err.status not in _UNSAID:
            raise UsageError(f"the Temporal server refuses: {err.message}.") from err


async def _demand_attributes(client: Client) -> None:
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as err:
        if err.status in _UNSAID:
            return
        raise UsageError(f"the Temporal server refuses: {err.message}.") from err
    missing = [name for name, kind in ATTRIBUTES.items() if known.custom_attributes.get(name) != _TYPES[kind]]
    if missing:
        words = " ".join(f"--name {name} --type {ATTRIBUTES[name]}" for name in missing)
        raise UsageError(
            f"the namespace {client.namespace!r} has no search attribute {', '.join(missing)} of the right type. "
            f"Add what is missing: `temporal operator search-attribute create --namespace {client.namespace} {words}`."
        )
