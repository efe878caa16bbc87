"""A workflow as a file describes it: JSON, or YAML where PyYAML is installed."""

import sys
from pathlib import Path
from typing import Any

from pgq.cli.failures import WrongUsage
from pgq.values.json_text import Unstorable, from_text

WITHOUT_YAML = "YAML needs PyYAML: pip install 'pgq-tasks[yaml]', or write the workflow as JSON"


def read_workflow(file: str) -> Any:
    """The value that a file holds, or stdin (`-`). Raises WrongUsage."""
    try:
        text = sys.stdin.buffer.read().decode() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise WrongUsage(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongUsage("the workflow is not UTF-8 text") from None
    if text.lstrip().startswith("{"):
        return from_json(text)
    return from_yaml(text)


def from_json(text: str) -> Any:
    try:
        return from_text(text)
    except Unstorable as error:
        raise WrongUsage(f"the workflow is not JSON ({error})") from None


def from_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise WrongUsage(WITHOUT_YAML) from None

    class Loader(yaml.SafeLoader):
        """Times stay text, as in JSON."""

        yaml_implicit_resolvers = {  # noqa: RUF012 (as in the class above it)
            first: [(tag, words) for tag, words in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise WrongUsage(f"the workflow is neither JSON nor YAML: {' '.join(str(error).split())[:300]}") from None
