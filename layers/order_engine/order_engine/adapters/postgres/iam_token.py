"""How one logs in to RDS as an IAM role: with a signed request in the place of a password."""

from functools import cache

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from psycopg.conninfo import conninfo_to_dict

_VALID_SECONDS = 900  # the most there is; it counts at the log-in only, an open connection outlives it


def login(url: str) -> dict[str, str]:
    """What a connection to `url` needs besides: nothing if it has a password, else an IAM token as the password.

    Signed here, without a call, as boto3's rds.generate_db_auth_token does it; making that client first would load
    the whole description of RDS, the slowest step of a cold start.
    """
    target = conninfo_to_dict(url)
    if target.get("password"):
        return {}
    session = _session()
    credentials = session.get_credentials()
    assert credentials is not None, "a Lambda function has a role"
    request = AWSRequest(
        "GET",
        f"https://{target['host']}:{target.get('port', 5432)}/",
        params={"Action": "connect", "DBUser": target["user"]},
    )
    SigV4QueryAuth(credentials.get_frozen_credentials(), "rds-db", session.region_name, _VALID_SECONDS).add_auth(request)
    return {"password": str(request.prepare().url).removeprefix("https://")}


@cache
def _session() -> boto3.Session:
    return boto3.Session()
