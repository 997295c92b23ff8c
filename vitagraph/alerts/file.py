"""Reads alert files; errors give position, expectation and hint, as for graphs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pipeline.errors import GraphError, did_you_mean, listing
from pipeline.graph.problems import Problems
from pipeline.graph.tree import List, Map, Scalar, Tree, found, text_of, wrong_value
from pipeline.graph.validate import validated
from pipeline.graph.yaml import parse, read_text
from vitagraph.alerts.spec import AlertRule, AlertRules
from vitagraph.observe.names import metric_names

BUILTIN = Path(__file__).with_name("rules.yaml")
SECTIONS = ("webhook", "off", "alerts")
MAX_RULES = 200


@cache
def builtin_rules() -> AlertRules:
    """The rules that come with the program."""
    return parse_alerts(read_text(BUILTIN), BUILTIN, AlertRules(()))


def rules_of(file: Path | None) -> AlertRules:
    """The rules of a host: the built-in ones, without those that a file turns off, and with the file's own.

    A rule of the file replaces the built-in one of the same name. Raises GraphError.
    """
    return builtin_rules() if file is None else parse_alerts(read_text(file), file, builtin_rules())


def parse_alerts(text: str, file: Path, base: AlertRules) -> AlertRules:
    """Parses the text of an alert file over the rules of `base`; `file` names it in errors. Raises GraphError."""
    tree = parse(text, str(file))
    if not isinstance(tree, Map):
        raise GraphError("an alert file is a mapping", where=tree.where, expected=listing(SECTIONS), found=found(tree))
    problems = Problems()
    for key, entry in tree.entries.items():
        if key not in SECTIONS and not key.startswith("x-"):
            hint = did_you_mean(key, SECTIONS)
            problems.add(GraphError(f"unknown key `{key}`", where=entry.where, expected=listing(SECTIONS), hint=hint))
    rules = {rule.name: rule for rule in base.rules}
    for item in _items(tree, "off", problems):
        with problems.collect():
            rules.pop(_known(item, rules), None)
    rules |= _rules(tree, problems)
    webhook = base.webhook
    with problems.collect():
        webhook = _webhook(tree.get("webhook")) or webhook
    problems.raise_all()
    return AlertRules(tuple(rules.values()), webhook)


def _rules(tree: Map, problems: Problems) -> dict[str, AlertRule]:
    """The file's own rules, by their names."""
    rules: dict[str, AlertRule] = {}
    items = _items(tree, "alerts", problems)
    for item in items[:MAX_RULES]:
        with problems.collect():
            rule = _rule(item)
            if rule.name in rules:
                raise GraphError(f"the alert `{rule.name}` is written twice", where=item.where)
            rules[rule.name] = rule
    if len(items) > MAX_RULES:
        where = items[MAX_RULES].where
        problems.add(GraphError("there are too many alerts", where=where, expected=f"at most {MAX_RULES}"))
    return rules


def _items(tree: Map, key: str, problems: Problems) -> tuple[Tree, ...]:
    value = tree.get(key)
    if isinstance(value, List):
        return value.items
    if value is not None:
        problems.add(wrong_value(key, value, "a list"))
    return ()


def _rule(item: Tree) -> AlertRule:
    if not isinstance(item, Map):
        expected = "a mapping, such as {name: Short, metric: vitagraph_seats_free, below: 5, ...}"
        raise GraphError("an alert is a mapping", where=item.where, expected=expected, found=found(item))
    rule = validated(AlertRule, item, text_of("name", item.get("name")) or "alert", item.where)
    if rule.only != "prometheus":
        _check_metrics(item)
    return rule


def _check_metrics(item: Map) -> None:
    """A misspelt metric would never fire."""
    problems, known = Problems(), metric_names()
    of = item.get("of")
    for each in (item.get("metric"), *(of.items if isinstance(of, List) else ())):
        if isinstance(each, Scalar) and each.text not in known:
            hint = did_you_mean(each.text, known) or "docs/observability.md lists them"
            problems.add(GraphError(f"a host has no metric `{each.text}`", where=each.where, hint=hint))
    problems.raise_all()


def _known(item: Tree, rules: dict[str, AlertRule]) -> str:
    name = text_of("off", item)
    if name not in rules:
        hint = did_you_mean(name, rules)
        raise GraphError(f"there is no built-in alert `{name}`", where=item.where, expected=listing(rules), hint=hint)
    return name


def _webhook(tree: Tree | None) -> str:
    url = text_of("webhook", tree)
    if url and tree is not None and not url.startswith(("http://", "https://")):
        raise wrong_value("webhook", tree, "a URL, such as https://example.org/alerts")
    return url
