"""What the template deploys, after SAM's transform: who may do what, what is public, and that the numbers add up."""

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

# What Lambda itself does with a function's role, and what no policy can narrow further.
BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
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
    """As each profile deploys it."""
    return deployed(**overrides(request.param))


def functions(stack: Deployment) -> dict[str, Any]:
    """The functions' properties, by name."""
    return stack.of_type("AWS::Lambda::Function")


def role_of(function: dict[str, Any]) -> str:
    return str(function["Role"]).removesuffix(".Arn")


def test_every_function_has_a_role_and_a_log_of_its_own(stack: Deployment) -> None:
    for name, function in functions(stack).items():
        stem = name.removesuffix("Function")
        assert role_of(function) == f"{stem}Role"
        assert function["LoggingConfig"]["LogGroup"] == f"{stem}LogGroup"
        (log,) = [each for each in stack.policy_of(f"{stem}Role") if BY_LAMBDA & set(each["Action"])]
        assert (set(log["Action"]), log["Resource"]) == (BY_LAMBDA, [f"{stem}LogGroup.Arn"])
    for group in stack.of_type("AWS::Logs::LogGroup").values():
        assert int(group["RetentionInDays"]) > 0


def test_what_a_function_logs_and_traces_is_decided_by_two_parameters(stack: Deployment) -> None:
    """Lambda's level of our own lines overrules the logger's, and would drop metrics, which are lines of level INFO."""
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


def test_a_permission_names_one_action_on_one_resource(stack: Deployment) -> None:
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


def test_a_functions_code_may_not_touch_the_network(stack: Deployment) -> None:
    (deny,) = [each for each in stack.policy_of("ApiRole") if each["Effect"] == "Deny"]
    assert deny["Action"] == ["ec2:*"]
    (pattern,) = deny["Condition"]["ArnLike"].values()
    assert fnmatch("arn:aws:lambda:us-east-1:000000000000:function:order-engine-ApiFunction-x", pattern)


def role_in_postgres(function: dict[str, Any]) -> str | None:
    """Who the function logs in to Postgres as."""
    url: str = function["Environment"]["Variables"].get("DATABASE_URL", "")
    return urlsplit(url).username


def test_only_the_functions_that_use_postgres_are_in_the_vpc_and_log_in_as_the_role_of_their_purpose(
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


def test_the_certificates_are_where_the_url_says(stack: Deployment) -> None:
    path = functions(stack)["ApiFunction"]["Environment"]["Variables"]["DATABASE_URL"].split("sslrootcert=")[1]
    assert (ROOT / "layers/order_engine" / path.removeprefix("/opt/python/")).is_file()


def test_new_code_goes_live_after_its_migration(stack: Deployment) -> None:
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
    assert "VpcConfig" not in functions(stack)["SchemaFunction"]  # deletion waits for no network


def versions(stack: Deployment) -> set[str]:
    return set(stack.of_type("AWS::Lambda::Version"))


def test_code_layer_and_release_each_make_a_new_version_of_what_they_touch() -> None:
    before = deployed()
    assert len(versions(before)) == len(functions(before))
    new_layer = deployed(json.dumps({"layers/order_engine": "other"}))
    assert not versions(before) & versions(new_layer)
    new_code = deployed(json.dumps({"functions/api": "other"}))
    assert len(versions(before) - versions(new_code)) == 1
    for version in before.of_type("AWS::Lambda::Version").values():  # its description is replaced, and so is it
        assert version["Description"] == "1"
        assert functions(before)[version["FunctionName"]]["Description"].endswith("(release 1)")


def test_callers_use_the_alias(stack: Deployment) -> None:
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


def test_every_route_but_five_asks_who_it_is(stack: Deployment) -> None:
    apis = stack.of_type("AWS::ApiGatewayV2::Api")
    assert apis.keys() == {"HttpApi", "WebSocketApi"}
    open_routes = {
        path for (_, path), what in operations(apis["HttpApi"]["Body"]).items() if what["security"] != [{"ApiKey": []}]
    }
    assert open_routes == {"/", "/health", "/docs", "/openapi.json", "/api/tokens"}
    routes = {route["RouteKey"]: route for route in stack.of_type("AWS::ApiGatewayV2::Route").values()}
    assert routes["$connect"]["AuthorizationType"] == "CUSTOM"  # the others come over a connection that it opened
    assert routes.keys() == {"$connect", "$disconnect", "$default"}
    assert not stack.of_type("AWS::Lambda::Url")
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com")
        assert permission["SourceArn"]


def test_both_stages_throttle_and_log(stack: Deployment) -> None:
    stages = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    assert len(stages) == 2
    for stage in stages:
        assert int(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]) > 0
        assert json.loads(stage["AccessLogSettings"]["Format"])["requestId"] == "$context.requestId"
        assert stage["AccessLogSettings"]["DestinationArn"].removesuffix(".Arn") in stack.resources


def test_other_origins_are_those_of_the_parameter() -> None:
    stack = deployed(AllowedOrigins="https://one.example,https://two.example")
    cors = stack.of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["x-amazon-apigateway-cors"]
    assert cors["allowOrigins"] == ["https://one.example", "https://two.example"]
    assert "Authorization" in cors["allowHeaders"]
    assert "x-amazon-apigateway-cors" not in deployed().of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]


def test_the_network_has_no_way_out(stack: Deployment) -> None:
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


def test_what_leaves_the_vpc_is_named(stack: Deployment) -> None:
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


def test_the_endpoints_let_through_what_the_functions_in_the_vpc_may(stack: Deployment) -> None:
    through = {
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
    assert used - consumed_by_lambda == through


def test_every_queue_redrives_and_hides_messages_long_enough(stack: Deployment) -> None:
    queues = stack.of_type("AWS::SQS::Queue")
    ends = {"OrdersPoisonQueue", "StatusDeadLetterQueue"}  # nobody consumes them but people
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == ends
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    assert {source["EventSourceArn"].removesuffix(".Arn") for source in sources} == queues.keys() - ends
    for source in sources:
        queue = queues[source["EventSourceArn"].removesuffix(".Arn")]
        function = functions(stack)[source["FunctionName"].removesuffix("Aliaslive")]
        assert int(queue["VisibilityTimeout"]) >= 6 * int(function["Timeout"])
        assert int(source["ScalingConfig"]["MaximumConcurrency"]) >= 2
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_connections_add_up(stack: Deployment) -> None:
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
    for role, factor in ((EXECUTION, 2), (MAINTENANCE, 1)):  # a deployment leaves environments of the version before
        needed = sum(at_once[name] for name, each in functions(stack).items() if role_in_postgres(each) == role)
        assert needed * factor <= limits[role]
    reserved = [
        int(function["ReservedConcurrentExecutions"])
        for function in functions(stack).values()
        if role_in_postgres(function) == FRONT_DOOR and "ReservedConcurrentExecutions" in function
    ]
    assert sum(reserved) <= limits[FRONT_DOOR]


def test_the_limits_are_set_anew_when_a_number_that_they_follow_from_changes(stack: Deployment) -> None:
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


def test_idle_sessions_are_ended_by_postgres_or_given_back_by_the_proxy() -> None:
    def seconds(**parameters: str) -> int:
        variables = functions(deployed(**parameters))["MigrateFunction"]["Environment"]["Variables"]
        return int(variables["IDLE_SESSION_SECONDS"])

    assert seconds() > _IDLE_SECONDS  # a function looks before it uses one that Postgres may have ended
    assert seconds(DatabaseProxy="true") == 0


def test_the_proxy_logs_in_as_every_role_and_has_room_for_all() -> None:
    stack = deployed(**overrides("prod"))
    (login,) = stack.policy_of("Database.ProxyRole")
    assert {resource.rpartition("/")[2] for resource in login["Resource"]} == {FRONT_DOOR, EXECUTION, MAINTENANCE}
    pool = stack.of_type("AWS::RDS::DBProxyTargetGroup")["Database.ProxyTarget"]["ConnectionPoolConfigurationInfo"]
    maximum = int(overrides("prod")["DatabaseMaxConnections"])
    assert sum(connection_limits(maximum, 25).values()) <= maximum * pool["MaxConnectionsPercent"] // 100


def test_production_survives_a_zone_and_a_slip() -> None:
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


def test_a_vpc_of_ones_own_is_used_and_not_changed() -> None:
    stack = deployed(VpcId="vpc-1", SubnetIds="subnet-1,subnet-2")
    assert not stack.of_type("AWS::EC2::VPC")
    assert not stack.of_type("AWS::EC2::VPCEndpoint")
    assert functions(stack)["ApiFunction"]["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
    assert stack.of_type("AWS::RDS::DBSubnetGroup")["Database.SubnetGroup"]["SubnetIds"] == ["subnet-1", "subnet-2"]


def test_names_of_ones_own() -> None:
    names = {"HttpDomainName": "api.example.com", "WebSocketDomainName": "live.example.com"}
    stack = deployed(CertificateArn="arn:aws:acm:us-east-1:1:certificate/1", HostedZoneId="Z1", **names)
    mappings = stack.of_type("AWS::ApiGatewayV2::ApiMapping")
    assert {each["ApiId"] for each in mappings.values()} == {"HttpApi", "WebSocketApi"}
    assert {each["Name"] for each in stack.of_type("AWS::Route53::RecordSet").values()} == set(names.values())
    page = functions(stack)["DashboardFunction"]["Environment"]["Variables"]
    assert page["WEBSOCKET_URL"] == "wss://live.example.com"
    assert not stack.of_type("AWS::ApiGatewayV2::DomainName").keys() & deployed().resources.keys()
