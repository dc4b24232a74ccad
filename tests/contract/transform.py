"""Transforms a SAM template as AWS does, under the SAM CLI's own interpreter.

Takes its path; then, line by line, JSON: `parameters`, what local folders are uploaded as, and to which `bucket`.
Answers with templates.
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
    """A CloudFormation template on stdout for every line on stdin."""
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
    """What CloudFormation gets, after `sam package` and the transform."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in {"CodeUri", "ContentUri"} & properties.keys():
            properties[name] = f"s3://{bucket}/{uploads.get(properties[name], properties[name])}"
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    answer: dict[str, Any] = translator.translate(template, parameters)
    return answer


if __name__ == "__main__":
    main()
