"""Transforms a SAM template as AWS does, under the SAM CLI's own interpreter.

The argument is the template's path. Each line on stdin is a JSON request with `parameters`, `uploads` (the names of
local folders in the bucket) and `bucket`; the response is a line with the transformed template.
"""

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

from boto3 import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def main() -> None:
    """Write a CloudFormation template to stdout for every line on stdin."""
    logging.disable()
    text = Path(sys.argv[1]).read_text()
    for line in sys.stdin:
        request = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):
            translated = transformed(yaml_parse(text), **request)
        print(json.dumps(translated), flush=True)


def transformed(
    template: dict[str, Any], parameters: dict[str, str], uploads: dict[str, str], bucket: str
) -> dict[str, Any]:
    """The template that CloudFormation gets, after `sam package` and the transform."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & properties.keys():
            properties[name] = f"s3://{bucket}/{uploads.get(properties[name], properties[name])}"
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    result: dict[str, Any] = translator.translate(template, parameters)
    return result


if __name__ == "__main__":
    main()
