"""Templates: parameters, intrinsic functions, conditions, Globals, local URLs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.errors import LocalCloudError
from localcloud.template import Stack, load_stack
from localcloud.template.addresses import Listeners
from localcloud.template.parameters import variable_name

TEMPLATE = """
Parameters:
  Size: { Type: Number, Default: 3, MinValue: 1 }
  Level: { Type: String, Default: INFO, AllowedValues: [INFO, DEBUG] }
  SubnetIds: { Type: CommaDelimitedList, Default: "a, b" }
  VpcId: { Type: String, Default: "" }
Conditions:
  InVpc: !Not [!Equals [!Ref VpcId, ""]]
  Both: !And [!Condition InVpc, !Equals [!Ref Level, DEBUG]]
Mappings:
  Memory: { INFO: { mb: 256 }, DEBUG: { mb: 512 } }
Globals:
  Function:
    Handler: app.handler
    MemorySize: !FindInMap [Memory, !Ref Level, mb]
    Timeout: 7
    Environment: { Variables: { SHARED: all, OWN: shared } }
Resources:
  Network: { Type: AWS::EC2::VPC, Condition: InVpc, Properties: { CidrBlock: !Cidr [a, b] } }
  Http: { Type: AWS::Serverless::HttpApi, Properties: { StageName: prod } }
  Socket: { Type: AWS::Serverless::WebSocketApi, Properties: { StageName: live, Routes: {} } }
  Jobs: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true, VisibilityTimeout: !Ref Size } }
  Keys: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub "${AWS::StackName}-keys" } }
  OnlyInVpc:
    Type: AWS::Serverless::Function
    Condition: InVpc
    Properties: { CodeUri: code }
  Main:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Timeout: 9
      Environment:
        Variables:
          OWN: own
          SIZE: !Ref Size
          SUBNETS: !Join ["|", !Ref SubnetIds]
          SECOND: !Select [1, !Split [",", "x,y"]]
          VPC: !If [InVpc, !GetAtt Network.CidrBlock, !Ref AWS::NoValue]
          NETWORK: !Ref Network
          NETWORK_ID: !GetAtt Network.VpcId
          BOTH: !If [Both, "yes", "no"]
          QUEUE: !Ref Jobs
          QUEUE_ARN: !GetAtt Jobs.Arn
          TABLE: !Ref Keys
          HTTP: !Sub https://${Http}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod
          PAGE: !Sub "https://${Http}.execute-api.${AWS::Region}.amazonaws.com/docs"
          WSS: !Join ["", ["wss://", !Ref Socket, ".execute-api.us-east-1.amazonaws.com/live"]]
          CONNECTIONS: !Sub ["https://${id}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live", {id: !Ref Socket}]
          LITERAL: !Sub "${!HOME} ${Size}"
"""

Load = Callable[..., Stack]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "code").mkdir()

    def load_text(text: str = TEMPLATE, **environment: str) -> Stack:
        (tmp_path / "template.yaml").write_text(text)
        return load_stack(tmp_path / "template.yaml", environment, {}, Listeners(3000, 4000, "/socket"))

    return load_text


def test_intrinsic_functions_are_resolved_in_the_environment(load: Load) -> None:
    assert load().functions["Main"].environment == {
        "SHARED": "all",
        "OWN": "own",
        "SIZE": "3",
        "SUBNETS": "a|b",
        "SECOND": "y",
        "NETWORK": "Network",
        "NETWORK_ID": "Network.VpcId",
        "BOTH": "no",
        "QUEUE": "http://127.0.0.1:4000/000000000000/Jobs.fifo",
        "QUEUE_ARN": "arn:aws:sqs:us-east-1:000000000000:Jobs.fifo",
        "TABLE": "local-keys",
        "HTTP": "http://127.0.0.1:3000",
        "PAGE": "http://127.0.0.1:3000/docs",
        "WSS": "ws://127.0.0.1:3000/socket",
        "CONNECTIONS": "http://127.0.0.1:3000/_aws/websocket/live",
        "LITERAL": "${HOME} 3",
    }


def test_globals_are_overridden_by_the_function(load: Load) -> None:
    main = load().functions["Main"]
    assert (main.timeout, main.memory, main.handler) == (9, 256, "app.handler")


def test_the_environment_overrides_parameters_and_conditions_follow(load: Load) -> None:
    stack = load(VPC_ID="vpc-1", LEVEL="DEBUG", SIZE="5")
    assert set(stack.functions) == {"Main", "OnlyInVpc"}
    assert stack.functions["Main"].memory == 512
    assert stack.functions["Main"].environment["VPC"] == "Network.CidrBlock"
    assert stack.functions["Main"].environment["BOTH"] == "yes"
    assert stack.queues[0].attributes == {"FifoQueue": "true", "VisibilityTimeout": "5"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SIZE": "0"}, "SIZE must be at least 1"),
        ({"SIZE": "many"}, "SIZE must be a number"),
        ({"LEVEL": "LOUD"}, "LEVEL must be one of INFO, DEBUG"),
    ],
)
def test_a_parameter_outside_the_templates_limits_is_rejected(
    load: Load, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(LocalCloudError, match=words):
        load(**environment)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources: [", "not valid YAML"),
        ("Nothing: here", "has no Resources"),
        (TEMPLATE.replace("CodeUri: code", "CodeUri: nowhere"), "is not a directory"),
        (TEMPLATE.replace("!Join", "!Transform"), r"does not support the template function Fn::Transform"),
    ],
)
def test_a_template_that_cannot_run_is_rejected_in_one_line(load: Load, text: str, words: str) -> None:
    with pytest.raises(LocalCloudError, match=words) as caught:
        load(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [("MockLatency", "MOCK_LATENCY"), ("DatabaseAddress", "DATABASE_ADDRESS"), ("VPCId", "VPC_ID"), ("Size", "SIZE")],
)
def test_parameters_have_environment_variables_in_upper_case(parameter: str, variable: str) -> None:
    assert variable_name(parameter) == variable
