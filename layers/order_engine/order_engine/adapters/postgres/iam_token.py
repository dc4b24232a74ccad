"""How one logs in to RDS as an IAM role: with a signed request in the place of a password."""

from functools import cache

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from psycopg.conninfo import conninfo_to_dict

from order_engine.adapters.aws import driver_errors
from order_engine.domain.errors import DatabaseUnavailable

_VALID_SECONDS = 900  # the most there is; it counts at the log-in only, an open connection outlives it


def login(url: str) -> dict[str, str]:
    """What a connection to `url` needs besides: nothing if it has a password, else an IAM token as the password.

    Signed here, without a call, as boto3's rds.generate_db_auth_token does it; making that client first would load
    the whole description of RDS, the slowest step of a cold start. Raises DatabaseUnavailable without credentials.
    """
    target = conninfo_to_dict(url)
    if target.get("password"):
        return {}
    session = _session()
    with driver_errors(become=DatabaseUnavailable):
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError()
        signer = SigV4QueryAuth(credentials.get_frozen_credentials(), "rds-db", session.region_name, _VALID_SECONDS)
    request = AWSRequest(
        "GET",
        f"https://{target['host']}:{target.get('port', 5432)}/",
        params={"Action": "connect", "DBUser": target["user"]},
    )
    signer.add_auth(request)
    return {"password": str(request.prepare().url).removeprefix("https://")}


@cache
def _session() -> boto3.Session:
    return boto3.Session()
