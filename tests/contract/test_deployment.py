"""What the template deploys, after SAM's transform: permissions, public endpoints, and consistent limits."""

import json
import tomllib
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcloud.template.parameters import variable_name
from order_engine.adapters.postgres.database import _IDLE_SECONDS
from order_engine.adapters.postgres.roles import EXECUTION, FRONT_DOOR, MAINTENANCE, connection_limits
from tests.contract.deployed import ROOT, Deployment, deployed

PROFILES: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text())

# What Lambda itself does with a function's role.
BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
# Actions that cannot be restricted to a resource.
WITHOUT_A_RESOURCE = {
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
}


def overrides(profile: str) -> dict[str, str]:
    """The parameters that a profile of samconfig.toml sets."""
    pairs = PROFILES[profile]["deploy"]["parameters"].get("parameter_overrides", [])
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.fixture(params=["default", "dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Deployment:
    """The deployment of each profile."""
    return deployed(**overrides(request.param))


def functions(stack: Deployment) -> dict[str, Any]:
    """The functions' properties, by name."""
    return stack.of_type("AWS::Lambda::Function")


def role_of(function: dict[str, Any]) -> str:
    return str(function["Role"]).removesuffix(".Arn")


def test_every_function_has_its_own_role_and_log_group(stack: Deployment) -> None:
    for name, function in functions(stack).items():
        stem = name.removesuffix("Function")
        assert role_of(function) == f"{stem}Role"
        assert function["LoggingConfig"]["LogGroup"] == f"{stem}LogGroup"
        (log,) = [each for each in stack.policy_of(f"{stem}Role") if BY_LAMBDA & set(each["Action"])]
        assert (set(log["Action"]), log["Resource"]) == (BY_LAMBDA, [f"{stem}LogGroup.Arn"])
    for group in stack.of_type("AWS::Logs::LogGroup").values():
        assert int(group["RetentionInDays"]) > 0


def test_logging_and_tracing_of_all_functions_follow_the_parameters(stack: Deployment) -> None:
    """Lambda's application log level must equal the logger's, and must not drop metrics, which are logged at INFO."""
    for function in functions(stack).values():
        logging = function["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
        level = function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"]
        assert level in ("DEBUG", "INFO")
        assert logging["ApplicationLogLevel"] == level
        assert function["TracingConfig"] == {"Mode": "PassThrough"}


def test_tracing_can_be_turned_on() -> None:
    modes = [function["TracingConfig"] for function in functions(deployed(Tracing="Active")).values()]
    assert modes
    assert all(mode == {"Mode": "Active"} for mode in modes)


def test_permissions_name_their_actions_and_resources(stack: Deployment) -> None:
    roles = {role_of(function) for function in functions(stack).values()}
    for role in roles:
        assert all("arn:" not in arn for arn in stack.resources[role]["Properties"].get("ManagedPolicyArns", []))
        for statement in stack.policy_of(role):
            if statement["Effect"] == "Deny":
                continue
            assert all("*" not in action for action in statement["Action"])
            if statement["Resource"] == ["*"]:
                assert set(statement["Action"]) <= WITHOUT_A_RESOURCE
            else:
                ends = [resource for resource in statement["Resource"] if "*" in resource]
                assert all(resource.endswith("/live/POST/@connections/*") for resource in ends)


def test_a_functions_code_cannot_change_the_network(stack: Deployment) -> None:
    (deny,) = [each for each in stack.policy_of("ApiRole") if each["Effect"] == "Deny"]
    assert deny["Action"] == ["ec2:*"]
    (pattern,) = deny["Condition"]["ArnLike"].values()
    assert fnmatch("arn:aws:lambda:us-east-1:000000000000:function:order-engine-ApiFunction-x", pattern)


def role_in_postgres(function: dict[str, Any]) -> str | None:
    """The role as which the function logs in to Postgres."""
    url: str = function["Environment"]["Variables"].get("DATABASE_URL", "")
    return urlsplit(url).username


def test_only_functions_that_use_postgres_are_in_the_vpc_and_each_logs_in_with_its_role(
    stack: Deployment,
) -> None:
    roles = {name: role_in_postgres(function) for name, function in functions(stack).items()}
    assert {name: role for name, role in roles.items() if role} == {
        "ApiFunction": FRONT_DOOR,
        "WebSocketFunction": FRONT_DOOR,
        "WorkerFunction": EXECUTION,
        "ConfirmerFunction": EXECUTION,
        "DeadLetterFunction": MAINTENANCE,
        "SweeperFunction": MAINTENANCE,
        "TriggerFunction": MAINTENANCE,
        "MigrateFunction": "orders_owner",
    }
    for name, function in functions(stack).items():
        role = roles[name]
        assert ("VpcConfig" in function) == bool(role), name
        logins = [each["Resource"] for each in stack.policy_of(role_of(function)) if "rds-db:connect" in each["Action"]]
        if role and name != "MigrateFunction":
            ((user,),) = logins
            assert user.endswith(f"/{role}")
            url = function["Environment"]["Variables"]["DATABASE_URL"]
            assert f"://{role}@" in url  # no password
            assert ":5432/orders?sslmode=verify-full&sslrootcert=/opt/python/order_engine/" in url
        else:
            assert not logins


def test_the_certificate_file_of_the_database_url_exists(stack: Deployment) -> None:
    path = functions(stack)["ApiFunction"]["Environment"]["Variables"]["DATABASE_URL"].split("sslrootcert=")[1]
    assert (ROOT / "layers/order_engine" / path.removeprefix("/opt/python/")).is_file()


def test_functions_are_updated_after_the_migration(stack: Deployment) -> None:
    for name, body in stack.resources.items():
        if body["Type"] == "AWS::Lambda::Function" and "rds-db:connect" in str(
            stack.policy_of(role_of(body["Properties"]))
        ):
            assert body["DependsOn"] in ("Migration", ["Migration"]), name
    migration = stack.resources["Migration"]["Properties"]
    assert migration["Layer"].startswith("OrderEngineLayer")
    assert migration["ServiceToken"] == "SchemaFunction.Arn"
    timeouts = {name: function["Timeout"] for name, function in functions(stack).items()}
    assert timeouts["MigrateFunction"] < timeouts["SchemaFunction"] < migration["ServiceTimeout"]
    assert "VpcConfig" not in functions(stack)["SchemaFunction"]  # so that deletion does not depend on the network


def versions(stack: Deployment) -> set[str]:
    return set(stack.of_type("AWS::Lambda::Version"))


def test_a_change_of_code_layer_or_release_publishes_new_versions() -> None:
    before = deployed()
    assert len(versions(before)) == len(functions(before))
    new_layer = deployed(json.dumps({"layers/order_engine": "other"}))
    assert not versions(before) & versions(new_layer)
    new_code = deployed(json.dumps({"functions/api": "other"}))
    assert len(versions(before) - versions(new_code)) == 1
    for version in before.of_type("AWS::Lambda::Version").values():  # a new description replaces the version
        assert version["Description"] == "1"
        assert functions(before)[version["FunctionName"]]["Description"].endswith("(release 1)")


def test_all_callers_invoke_the_alias(stack: Deployment) -> None:
    aliases = {name for name in stack.of_type("AWS::Lambda::Alias")}
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionName"] in aliases
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        assert permission["FunctionName"] in aliases
    for kind, uri in (("Integration", "IntegrationUri"), ("Authorizer", "AuthorizerUri")):
        for body in stack.of_type(f"AWS::ApiGatewayV2::{kind}").values():
            assert any(f"functions/{alias}/invocations" in body[uri] for alias in aliases)
    for rule in stack.of_type("AWS::Events::Rule").values():
        assert {target["Arn"] for target in rule["Targets"]} <= aliases
    body = stack.of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]
    for operation in operations(body).values():
        assert any(alias in operation["x-amazon-apigateway-integration"]["uri"] for alias in aliases)


def operations(body: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): what for path, methods in body["paths"].items() for method, what in methods.items()}


def test_all_routes_but_six_require_authentication(stack: Deployment) -> None:
    apis = stack.of_type("AWS::ApiGatewayV2::Api")
    assert apis.keys() == {"HttpApi", "WebSocketApi"}
    open_routes = {
        path for (_, path), what in operations(apis["HttpApi"]["Body"]).items() if what["security"] != [{"ApiKey": []}]
    }
    assert open_routes == {"/", "/assets/{file}", "/health", "/docs", "/openapi.json", "/api/tokens"}
    routes = {route["RouteKey"]: route for route in stack.of_type("AWS::ApiGatewayV2::Route").values()}
    # The other routes use a connection that $connect has authorized.
    assert routes["$connect"]["AuthorizationType"] == "CUSTOM"
    assert routes.keys() == {"$connect", "$disconnect", "$default"}
    assert not stack.of_type("AWS::Lambda::Url")
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com")
        assert permission["SourceArn"]


def test_both_stages_have_throttling_and_access_logs(stack: Deployment) -> None:
    stages = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    assert len(stages) == 2
    for stage in stages:
        assert int(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]) > 0
        assert json.loads(stage["AccessLogSettings"]["Format"])["requestId"] == "$context.requestId"
        assert stage["AccessLogSettings"]["DestinationArn"].removesuffix(".Arn") in stack.resources


def test_cors_allows_the_origins_of_the_parameter() -> None:
    stack = deployed(AllowedOrigins="https://one.example,https://two.example")
    cors = stack.of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["x-amazon-apigateway-cors"]
    assert cors["allowOrigins"] == ["https://one.example", "https://two.example"]
    assert "Authorization" in cors["allowHeaders"]
    assert "x-amazon-apigateway-cors" not in deployed().of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]


def test_the_network_has_no_route_to_the_internet(stack: Deployment) -> None:
    kinds = {body["Type"] for body in stack.resources.values()}
    forbidden = ("InternetGateway", "NatGateway", "::EIP", "EgressOnly", "VPCPeering", "TransitGateway", "::Route")
    assert not [kind for kind in kinds if kind.startswith("AWS::EC2") and kind.endswith(forbidden)]
    services = {body["ServiceName"].rsplit(".", 1)[-1] for body in stack.of_type("AWS::EC2::VPCEndpoint").values()}
    assert services == {"sqs", "dynamodb"}
    database = stack.of_type("AWS::RDS::DBInstance")["Database.Instance"]
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert database["ManageMasterUserPassword"] is True
    for ingress in stack.of_type("AWS::EC2::SecurityGroupIngress").values():
        assert "CidrIp" not in ingress


def test_outgoing_connections_are_restricted_to_named_targets(stack: Deployment) -> None:
    groups = stack.of_type("AWS::EC2::SecurityGroup")
    allowed = {
        (name.split(".")[1], rule.get("FromPort"), rule.get("DestinationSecurityGroupId", rule.get("CidrIp", "")))
        for name, group in groups.items()
        for rule in group["SecurityGroupEgress"]
        if rule.get("CidrIp") != "127.0.0.1/32"
    }
    expected = {
        ("FunctionsSecurityGroup", 5432, "Network.DatabaseSecurityGroup"),
        ("FunctionsSecurityGroup", 443, "Network.SqsSecurityGroup"),
        ("DynamoDbClientSecurityGroup", 443, "0.0.0.0/0"),
    }
    assert allowed - {("ProxySecurityGroup", 5432, "Network.DatabaseSecurityGroup")} == expected
    narrow = deployed(DynamoDbPrefixListId="pl-0123").of_type("AWS::EC2::SecurityGroup")
    (rule,) = narrow["Network.DynamoDbClientSecurityGroup"]["SecurityGroupEgress"]
    assert rule["DestinationPrefixListId"] == "pl-0123"
    assert "CidrIp" not in rule


def test_the_vpc_endpoints_allow_exactly_the_actions_of_the_functions_in_the_vpc(stack: Deployment) -> None:
    allowed = {
        action
        for endpoint in stack.of_type("AWS::EC2::VPCEndpoint").values()
        for statement in endpoint["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    consumed_by_lambda = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    used = {
        action
        for function in functions(stack).values()
        if "VpcConfig" in function
        for statement in stack.policy_of(role_of(function))
        for action in statement["Action"]
        if action.split(":")[0] in ("sqs", "dynamodb", "lambda", "secretsmanager")
    }
    assert used - consumed_by_lambda == allowed


def test_every_queue_has_a_dead_letter_queue_and_a_sufficient_visibility_timeout(stack: Deployment) -> None:
    queues = stack.of_type("AWS::SQS::Queue")
    ends = {"OrdersPoisonQueue", "StatusDeadLetterQueue"}  # for manual inspection
    # A message that starts the trigger may be lost: the schedule starts it within a minute.
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == ends | {"TriggerQueue"}
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    assert {source["EventSourceArn"].removesuffix(".Arn") for source in sources} == queues.keys() - ends
    for source in sources:
        queue = queues[source["EventSourceArn"].removesuffix(".Arn")]
        function = functions(stack)[source["FunctionName"].removesuffix("Aliaslive")]
        assert int(queue["VisibilityTimeout"]) >= 6 * int(function["Timeout"])
        assert int(source["ScalingConfig"]["MaximumConcurrency"]) >= 2
        is_trigger = source["FunctionName"].startswith("TriggerFunction")  # whose messages have no content
        assert source.get("FunctionResponseTypes") == (None if is_trigger else ["ReportBatchItemFailures"])


def test_the_connection_limits_are_sufficient_and_within_the_servers_limit(stack: Deployment) -> None:
    variables = functions(stack)["MigrateFunction"]["Environment"]["Variables"]
    concurrency = int(variables["WORKER_CONCURRENCY"]) + int(variables["CONFIRMER_CONCURRENCY"])
    limits = connection_limits(int(variables["DATABASE_MAX_CONNECTIONS"]), concurrency)
    settings = stack.of_type("AWS::RDS::DBParameterGroup")["Database.Settings"]["Parameters"]
    reserved_by_postgres_and_rds, migration, people, log_ins = 5, 1, 2, 7
    assert sum(limits.values()) + reserved_by_postgres_and_rds + migration + people + log_ins <= int(
        settings["max_connections"]
    )
    assert settings["rds.force_ssl"] == "1"

    at_once = {"SweeperFunction": 1}  # one schedule
    for source in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        at_once[source["FunctionName"].removesuffix("Aliaslive")] = int(source["ScalingConfig"]["MaximumConcurrency"])
    at_once["TriggerFunction"] += 2  # its schedule, whose runs overlap for seconds
    # During a deployment, environments of the previous version still hold connections.
    for role, factor in ((EXECUTION, 2), (MAINTENANCE, 1)):
        needed = sum(at_once[name] for name, each in functions(stack).items() if role_in_postgres(each) == role)
        assert needed * factor <= limits[role]
    reserved = [
        int(function["ReservedConcurrentExecutions"])
        for function in functions(stack).values()
        if role_in_postgres(function) == FRONT_DOOR and "ReservedConcurrentExecutions" in function
    ]
    assert sum(reserved) <= limits[FRONT_DOOR]


def test_the_migration_runs_again_when_a_parameter_of_the_connection_limits_changes(stack: Deployment) -> None:
    variables = functions(stack)["MigrateFunction"]["Environment"]["Variables"]
    numbers = {name: value for name, value in variables.items() if str(value).isdecimal()}
    properties = {variable_name(name): value for name, value in stack.resources["Migration"]["Properties"].items()}
    assert numbers.keys() == {
        "DATABASE_MAX_CONNECTIONS",
        "WORKER_CONCURRENCY",
        "CONFIRMER_CONCURRENCY",
        "IDLE_SESSION_SECONDS",
    }
    assert {name: properties[name] for name in numbers} == numbers


def test_idle_sessions_are_terminated_by_postgres_unless_there_is_a_proxy() -> None:
    def seconds(**parameters: str) -> int:
        variables = functions(deployed(**parameters))["MigrateFunction"]["Environment"]["Variables"]
        return int(variables["IDLE_SESSION_SECONDS"])

    assert seconds() > _IDLE_SECONDS  # a function checks an idle connection before Postgres may terminate it
    assert seconds(DatabaseProxy="true") == 0


def test_the_proxy_can_log_in_as_every_role_and_has_enough_connections() -> None:
    stack = deployed(**overrides("prod"))
    (login,) = stack.policy_of("Database.ProxyRole")
    assert {resource.rpartition("/")[2] for resource in login["Resource"]} == {FRONT_DOOR, EXECUTION, MAINTENANCE}
    pool = stack.of_type("AWS::RDS::DBProxyTargetGroup")["Database.ProxyTarget"]["ConnectionPoolConfigurationInfo"]
    maximum = int(overrides("prod")["DatabaseMaxConnections"])
    assert sum(connection_limits(maximum, 25).values()) <= maximum * pool["MaxConnectionsPercent"] // 100


def test_production_is_protected_against_zone_failures_and_accidental_deletion() -> None:
    stack = deployed(**overrides("prod"))
    database = stack.of_type("AWS::RDS::DBInstance")["Database.Instance"]
    assert (database["MultiAZ"], database["DeletionProtection"]) == ("true", "true")
    assert int(database["BackupRetentionPeriod"]) >= 14
    assert len(stack.of_type("AWS::EC2::VPCEndpoint")["Network.SqsEndpoint"]["SubnetIds"]) == 2
    proxy = stack.of_type("AWS::RDS::DBProxy")["Database.DatabaseProxy"]
    assert (proxy["DefaultAuthScheme"], proxy["RequireTLS"], "Auth" in proxy) == ("IAM_AUTH", True, False)
    host = functions(stack)["ApiFunction"]["Environment"]["Variables"]["DATABASE_URL"].split("@")[1].split(":")[0]
    assert host == "Database.DatabaseProxy.Endpoint"
    assert functions(stack)["ApiFunction"]["ReservedConcurrentExecutions"]
    groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
    assert groups.keys() == {f"{name}FunctionDeploymentGroup" for name in ("Api", "Confirmer", "WebSocket", "Worker")}
    for group in groups.values():
        (alarm,) = group["AlarmConfiguration"]["Alarms"]
        assert alarm["Name"] in stack.of_type("AWS::CloudWatch::Alarm")


def test_outside_aws_there_is_no_network_and_no_rds() -> None:
    stack = deployed(
        AwsEndpointUrl="http://127.0.0.1:4566",
        DatabaseAddress="localhost:5432/orders",
        DatabasePassword="word",
        DatabaseOwnerUrl="postgresql://owner@localhost:5432/orders",
    )
    assert not [kind for kind in (body["Type"] for body in stack.resources.values()) if "EC2" in kind or "RDS" in kind]
    for function in functions(stack).values():
        assert "VpcConfig" not in function
        role = role_in_postgres(function)
        if role and role != "owner":
            url = function["Environment"]["Variables"]["DATABASE_URL"]
            assert url == f"postgresql://{role}:word@localhost:5432/orders"
        assert function["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_an_existing_vpc_is_used_and_not_changed() -> None:
    stack = deployed(VpcId="vpc-1", SubnetIds="subnet-1,subnet-2")
    assert not stack.of_type("AWS::EC2::VPC")
    assert not stack.of_type("AWS::EC2::VPCEndpoint")
    assert functions(stack)["ApiFunction"]["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
    assert stack.of_type("AWS::RDS::DBSubnetGroup")["Database.SubnetGroup"]["SubnetIds"] == ["subnet-1", "subnet-2"]


def test_custom_domain_names_are_mapped_to_the_apis() -> None:
    names = {"HttpDomainName": "api.example.com", "WebSocketDomainName": "live.example.com"}
    stack = deployed(CertificateArn="arn:aws:acm:us-east-1:1:certificate/1", HostedZoneId="Z1", **names)
    mappings = stack.of_type("AWS::ApiGatewayV2::ApiMapping")
    assert {each["ApiId"] for each in mappings.values()} == {"HttpApi", "WebSocketApi"}
    assert {each["Name"] for each in stack.of_type("AWS::Route53::RecordSet").values()} == set(names.values())
    page = functions(stack)["DashboardFunction"]["Environment"]["Variables"]
    assert page["WEBSOCKET_URL"] == "wss://live.example.com"
    assert not stack.of_type("AWS::ApiGatewayV2::DomainName").keys() & deployed().resources.keys()
