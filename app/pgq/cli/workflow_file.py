"""A workflow as a file describes it: JSON, or YAML where PyYAML is installed."""

import json
import sys
from pathlib import Path
from typing import Any

from pgq.cli.failures import WrongUsage
from pgq.values import strict_json
from pgq.values.json_text import plain

WITHOUT_YAML = "YAML needs PyYAML: pip install 'pgq-tasks[yaml]', or write the workflow as JSON"
SIGNS = ("<<", "=")
"""Keys that mean something to YAML itself."""


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
        return strict_json.parse(text)
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"the workflow is not JSON ({plain(error)})") from None


def from_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise WrongUsage(WITHOUT_YAML) from None

    class Loader(yaml.SafeLoader):
        """Times stay text, as in JSON, and no key stands twice; what `<<` merges in is no second one."""

        yaml_implicit_resolvers = {  # noqa: RUF012 (as in the class above it)
            first: [(tag, words) for tag, words in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node: yaml.MappingNode = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    name = key.value if key.value in SIGNS else json_key(self.construct_object(key))
                    if name in seen:
                        why = f"the key {name[:100]!r} stands twice in one mapping ({place(key)})"
                        raise WrongUsage(f"the workflow cannot be read: {why}")
                    seen.add(name)
            return node

    def place(node: yaml.Node) -> str:
        return f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"

    try:
        return yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise WrongUsage(f"the workflow is neither JSON nor YAML: {' '.join(str(error).split())[:300]}") from None


def json_key(key: object) -> str:
    """A key as JSON writes it: 1 and "1" become the same."""
    return key if isinstance(key, str) else json.dumps(key, default=str)
