"""The table of what is known about failures: the first rule that fits any exception of a chain decides."""

from __future__ import annotations

from pipeline.rule import Rule


def of_httpx(name: str) -> tuple[str, ...]:
    """Name a class of httpx as all its generations do."""
    return tuple(f"{package}.{name}" for package in ("httpx", "httpx2", "httpcore", "httpcore2"))


_AI = "pydantic_ai.exceptions."
_URLLIB3 = "urllib3.exceptions."
_REQUESTS = "requests.exceptions."
_REDIS = "redis.exceptions."
_SQL = "sqlalchemy.exc."
_REJECTED = (400, 413, 422)
_TOO_LONG = (
    r"prompt is too long|maximum context length|context (?:length|window|size)|too many (?:input )?tokens"
    r"|input (?:is |was )?too long"
)

#: What the engine itself raises: no other rule is asked about it.
ENGINE: tuple[Rule, ...] = (
    Rule("snoozed", "unavailable", exception="pipeline.errors.Unavailable"),
    Rule("interrupted", "lease lost", exception="pipeline.errors.LeaseLost"),
    Rule("interrupted", "worker stopping", exception="dramatiq.middleware.shutdown.Shutdown"),
    Rule("timeout", "deadline", exception="pipeline.engine.interrupts.PastDeadline"),
)

_RESOURCES = (
    Rule("resource", "memory", exception="builtins.MemoryError"),
    Rule("resource", "memory", code=("ENOMEM", "53200")),
    Rule("resource", "memory", exception=_REDIS + "OutOfMemoryError"),
    Rule("resource", "disk full", code=("ENOSPC", "EDQUOT", "53100")),
    Rule("resource", "disk full", exception=("sqlite3.OperationalError", _SQL + "OperationalError"), message="is full"),
    Rule("resource", "descriptors", code=("EMFILE", "ENFILE", "ENOBUFS")),
    Rule("resource", "threads", exception="builtins.RuntimeError", message="can't start new thread"),
    Rule("resource", "connection pool", exception=(*of_httpx("PoolTimeout"), _URLLIB3 + "EmptyPoolError")),
    Rule("resource", "connection pool", exception=(_SQL + "TimeoutError", _REDIS + "MaxConnectionsError")),
    Rule("resource", "connection pool", code="53300"),
    Rule("resource", "connection pool", exception=_AI + "ConcurrencyLimitExceeded"),
)

_REDIRECTED = (
    Rule("permanent", "redirected", status=range(300, 400)),
    Rule("permanent", "redirected", exception=(*of_httpx("TooManyRedirects"), _REQUESTS + "TooManyRedirects")),
)

#: What providers say of the account, the input and the load; before the HTTP status, which says less.
_PROVIDERS = (
    Rule("permanent", "wrong settings", exception="pipeline.environment.SettingsError"),
    Rule("permanent", "quota", exception=_AI + "ModelQuotaExceededError"),
    Rule("permanent", "quota", code=("insufficient_quota", "billing_error", "billing_hard_limit_reached")),
    Rule("permanent", "quota", code=("quota_exceeded", "ServiceQuotaExceededException")),
    Rule("permanent", "quota", status=402),
    Rule("permanent", "quota", status=(400, 403), message="credit balance is too low"),
    Rule("context_overflow", "context overflow", exception=_AI + "ModelContextWindowExceededError"),
    Rule("context_overflow", "context overflow", code=("context_length_exceeded", "exceed_context_size_error")),
    Rule("context_overflow", "context overflow", status=_REJECTED, message=_TOO_LONG),
    Rule("context_overflow", "over the token limit", status=429, message="request too large"),
    Rule("context_overflow", "too large", code="request_too_large"),
    Rule("context_overflow", "too large", status=413),
    Rule("content", "filtered", code=("content_filter", "content_policy_violation", "moderation", "flagged_input")),
    Rule("content", "filtered", exception="openai.ContentFilterFinishReasonError"),
    Rule("content", "refused", exception=_AI + "ContentFilterError"),
    Rule("quality", "truncated", exception=(_AI + "OutputTokenLimitExceeded", "openai.LengthFinishReasonError")),
    Rule("permanent", "auth", exception=_AI + "ModelAuthenticationError"),
    Rule("permanent", "auth", code=("invalid_api_key", "authentication_error", "permission_error")),
    Rule("permanent", "no such model", code="model_not_found"),
    Rule(
        "rate_limited",
        "too many requests",
        exception=(_AI + "ModelRateLimitError", "dramatiq.errors.RateLimitExceeded"),
    ),
    Rule("rate_limited", "too many requests", code=("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")),
    Rule("rate_limited", "too many requests", code=("ThrottlingException", "Throttling", "TooManyRequestsException")),
    Rule("transient", "overloaded", exception=_AI + "ModelOverloadedError"),
    Rule("transient", "overloaded", code=("overloaded_error", "overloaded")),
)

_STATUSES = (
    Rule("permanent", "auth", status=(401, 403)),
    Rule("permanent", "no such model", status=404, message=r"\bmodel\b.*(?:not exist|not found)"),
    Rule("permanent", "not found", status=404),
    Rule("transient", "request timeout", status=408),
    Rule("transient", "conflict", status=409),
    Rule("transient", "too early", status=425),
    Rule("rate_limited", "too many requests", status=429),
    Rule("permanent", "rejected", status=range(400, 500)),
    Rule("transient", "server error", status=500),
    Rule("transient", "bad gateway", status=502),
    Rule("transient", "unavailable", status=503),
    Rule("transient", "gateway timeout", status=504),
    Rule("transient", "overloaded", status=529),
    Rule("transient", "server error", status=range(500, 600)),
    Rule("transient", "unavailable", exception=_AI + "ModelUnavailableError"),
    Rule("transient", "server error", code=("server_error", "api_error", "internal_error")),
)

#: An answer came, and is none, or not the one that was asked for.
_ANSWERS = (
    Rule(
        "transient",
        "half answer",
        exception=of_httpx("RemoteProtocolError"),
        message="complete message body|incomplete",
    ),
    Rule(
        "transient", "half answer", exception=("http.client.IncompleteRead", "asyncio.exceptions.IncompleteReadError")
    ),
    Rule("transient", "half answer", exception="aiohttp.client_exceptions.ClientPayloadError"),
    Rule("transient", "no answer", exception=of_httpx("RemoteProtocolError"), message="without sending a response"),
    Rule("transient", "no answer", exception=("http.client.RemoteDisconnected", "ServerDisconnectedError")),
    Rule("transient", "no answer", exception=_AI + "UnexpectedModelBehavior", message="^Streamed response ended"),
    Rule("transient", "malformed answer", exception=_AI + "UnexpectedModelBehavior", message="^Invalid response from"),
    Rule("transient", "malformed answer", exception=_AI + "ModelAPIError", message="^Expected a JSON response"),
    Rule("transient", "malformed answer", exception="APIResponseValidationError"),
    Rule("transient", "malformed answer", exception=(*of_httpx("DecodingError"), _REQUESTS + "ContentDecodingError")),
    Rule("transient", "malformed answer", exception=(*of_httpx("RemoteProtocolError"), "http.client.BadStatusLine")),
    Rule("quality", "no JSON", exception=_AI + "UnexpectedModelBehavior", message="Invalid JSON"),
    Rule("quality", "wrong shape", exception=_AI + "UnexpectedModelBehavior"),
    Rule("quality", "wrong shape", exception=(_AI + "ModelRetry", _AI + "ToolRetryError")),
)

_TIMEOUTS = (
    Rule("timeout", "connect timeout", exception=(*of_httpx("ConnectTimeout"), _REQUESTS + "ConnectTimeout")),
    Rule("timeout", "connect timeout", exception=("aiohttp.client_exceptions.ConnectionTimeoutError",)),
    Rule("timeout", "connect timeout", exception=_REDIS + "TimeoutError", message="connecting"),
    Rule("timeout", "read timeout", exception=(*of_httpx("ReadTimeout"), _REQUESTS + "ReadTimeout")),
    Rule("timeout", "read timeout", exception=(_URLLIB3 + "ReadTimeoutError", "botocore.exceptions.ReadTimeoutError")),
    Rule(
        "timeout", "read timeout", exception=("aiohttp.client_exceptions.SocketTimeoutError", _REDIS + "TimeoutError")
    ),
    Rule("timeout", "write timeout", exception=of_httpx("WriteTimeout")),
    Rule("timeout", "time limit", exception="dramatiq.middleware.time_limit.TimeLimitExceeded"),
    Rule("timeout", "time limit", exception=(_AI + "ModelRequestTimeout", _AI + "RunTimedOut")),
    Rule("timeout", "timeout", exception=(_AI + "ModelTimeoutError", "APITimeoutError", *of_httpx("TimeoutException"))),
)

_CONNECTIONS = (
    Rule("transient", "connection refused", exception="builtins.ConnectionRefusedError"),
    Rule("transient", "connection refused", exception=of_httpx("ConnectError"), message="refused"),
    Rule("transient", "name not found", exception=("socket.gaierror", _URLLIB3 + "NameResolutionError")),
    Rule(
        "transient",
        "name not found",
        exception=of_httpx("ConnectError"),
        message="name or service|name resolution|getaddr",
    ),
    Rule("transient", "certificate", exception="ssl.SSLError"),
    Rule("transient", "certificate", exception=of_httpx("ConnectError"), message=r"certificate|\bSSL\b|\bTLS\b"),
    Rule("timeout", "connect timeout", exception=_URLLIB3 + "ConnectTimeoutError", message="timed out"),
    Rule("transient", "network unreachable", code=("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN")),
    Rule(
        "transient", "connection reset", exception=("builtins.ConnectionResetError", "builtins.ConnectionAbortedError")
    ),
    Rule("transient", "connection reset", exception=("builtins.BrokenPipeError", "anyio.BrokenResourceError")),
    Rule(
        "transient",
        "connection reset",
        exception=(*of_httpx("ReadError"), *of_httpx("WriteError"), *of_httpx("CloseError")),
    ),
    Rule("permanent", "invalid request", exception=(*of_httpx("UnsupportedProtocol"), *of_httpx("LocalProtocolError"))),
    Rule("permanent", "invalid request", exception=(*of_httpx("InvalidURL"), _REQUESTS + "InvalidURL")),
    Rule("permanent", "invalid request", exception=(_REQUESTS + "MissingSchema", _REQUESTS + "InvalidSchema")),
    Rule("transient", "connection", exception=(*of_httpx("TransportError"), _REQUESTS + "ConnectionError")),
    Rule("transient", "connection", exception=("builtins.ConnectionError", "urllib.error.URLError")),
    Rule("transient", "connection", exception=(_URLLIB3 + "HTTPError", "aiohttp.*")),
    Rule("transient", "half answer", exception=_REQUESTS + "ChunkedEncodingError"),
)

_STORES = (
    Rule("permanent", "auth", exception=(_REDIS + "AuthenticationError", _REDIS + "NoPermissionError")),
    Rule("permanent", "auth", exception=_REDIS + "AuthorizationError"),
    Rule("transient", "unavailable", exception=(_REDIS + "BusyLoadingError", _REDIS + "ClusterDownError")),
    Rule("transient", "unavailable", exception=(_REDIS + "ReadOnlyError", _REDIS + "TryAgainError")),
    Rule("transient", "conflict", exception=(_REDIS + "WatchError", _REDIS + "LockError")),
    Rule("transient", "connection", exception=_REDIS + "ConnectionError"),
    Rule("permanent", "rejected", exception=(_REDIS + "ResponseError", _REDIS + "DataError")),
    Rule("transient", "conflict", code=("40001", "40P01", "55P03")),
    Rule("transient", "conflict", exception="OperationalError", message="deadlock|lock wait|serializ|is locked"),
    Rule("transient", "conflict", exception="sqlalchemy.orm.exc.StaleDataError"),
    Rule("permanent", "constraint", exception=("IntegrityError",)),
    Rule("permanent", "invalid data", exception=_SQL + "DataError"),
    Rule("permanent", "rejected", exception=_SQL + "ProgrammingError"),
    Rule(
        "transient", "database", exception=(_SQL + "OperationalError", _SQL + "InterfaceError", _SQL + "InternalError")
    ),
    Rule("transient", "database", exception="sqlite3.OperationalError"),
)

#: What stands last says least: it wraps something that no rule above knows.
_LAST = (
    Rule("permanent", "invalid data", exception="pydantic_core._pydantic_core.ValidationError"),
    Rule("transient", "malformed answer", exception=("json.decoder.JSONDecodeError", _REQUESTS + "InvalidJSONError")),
    Rule("timeout", "timeout", exception=("builtins.TimeoutError", "subprocess.TimeoutExpired", _REQUESTS + "Timeout")),
    Rule("permanent", "invalid request", exception=(_AI + "UserError", _AI + "UsageLimitExceeded")),
    Rule("permanent", "rejected", exception=_AI + "ModelRequestRejectedError"),
    Rule("transient", "connection", exception=(_AI + "ModelConnectionError", "APIConnectionError")),
    Rule("transient", "server error", exception=(_AI + "ModelAPIError", "openai.APIError", "anthropic.APIError")),
)

#: Every other rule, in the order they are asked in.
RULES: tuple[Rule, ...] = (
    *_REDIRECTED,
    *_PROVIDERS,
    *_STATUSES,
    *_RESOURCES,
    *_ANSWERS,
    *_TIMEOUTS,
    *_CONNECTIONS,
    *_STORES,
    *_LAST,
)
