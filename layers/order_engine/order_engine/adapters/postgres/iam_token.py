"""Login to RDS as an IAM role, with a signed request in place of a password."""

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from psycopg.conninfo import conninfo_to_dict

from order_engine.adapters.aws import credentials, region
from order_engine.domain.errors import DatabaseUnavailable

_VALID_SECONDS = 900  # the maximum; only checked at login, so open connections outlive it


def login(url: str) -> dict[str, str]:
    """Additional options for a connection to `url`: none if it has a password, else an IAM token as the password.

    Signed locally, like boto3's rds.generate_db_auth_token; but creating that client would load the whole service model
    of RDS, the slowest step of a cold start. Raises DatabaseUnavailable if there are no credentials.
    """
    target = conninfo_to_dict(url)
    if target.get("password"):
        return {}
    try:
        signer = SigV4QueryAuth(credentials(), "rds-db", region(), _VALID_SECONDS)
    except BotoCoreError as error:
        raise DatabaseUnavailable() from error
    request = AWSRequest(
        "GET",
        f"https://{target['host']}:{target.get('port', 5432)}/",
        params={"Action": "connect", "DBUser": target["user"]},
    )
    signer.add_auth(request)
    return {"password": str(request.prepare().url).removeprefix("https://")}
