"""Knows how Trino's CROSS JOIN UNNEST reads in DuckDB without a correlated join.

DuckDB plans some of these joins as a join of every row with its own list again, three times as
slow as the same list unnested by the SELECT that reads the table.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

_PREFIX: Final = "unnested_"


def flatten_unnest(tree: exp.Expr) -> None:
    """Rewrite, in place, every `FROM t CROSS JOIN UNNEST(…) AS u(x)` that stands alone.

    It becomes `FROM (SELECT *, unnest(…) AS unnested_x FROM t) AS t`: the same rows in the same
    order, the longest list deciding when there are several. What is not as simple stays.
    """
    for select in reversed(list(tree.find_all(exp.Select))):  # the innermost first
        unnest = _only_join(select)
        if unnest is not None and _can_be_flat(select, unnest):
            _flatten(select, unnest)


def _only_join(select: exp.Select) -> exp.Unnest | None:
    joins = select.args.get("joins") or []
    if len(joins) != 1 or joins[0].args.get("kind") != "CROSS":
        return None
    joined = joins[0].this
    return joined if isinstance(joined, exp.Unnest) else None


def _can_be_flat(select: exp.Select, unnest: exp.Unnest) -> bool:
    alias = unnest.args.get("alias")
    source = select.args["from_"].this
    named = isinstance(source, exp.Table | exp.Subquery) and bool(source.alias_or_name)
    if not named or alias is None or unnest.args.get("offset"):
        return False
    if len(alias.columns) != len(unnest.expressions):
        return False
    names = {column.name for column in alias.columns}
    return not any(_is_in_the_way(part, names) for part in _own_parts(select))


def _own_parts(select: exp.Select) -> list[exp.Expr]:
    """Return the nodes of a select, but for what it reads from."""
    return list(select.walk(prune=lambda node: isinstance(node, exp.From | exp.With)))


def _is_in_the_way(node: exp.Expr, names: set[str]) -> bool:
    if isinstance(node, exp.Lambda):
        return not names.isdisjoint(variable.name for variable in node.expressions)
    nested = isinstance(node, exp.Subquery | exp.Exists) or isinstance(node.parent, exp.In)
    # count(*) is no list of columns
    stars = isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count)
    return stars or (nested and node.find(exp.Select) is not None)


def _flatten(select: exp.Select, unnest: exp.Unnest) -> None:
    alias, source = unnest.args["alias"], select.args["from_"]
    names = [column.name for column in alias.columns]
    read = exp.select("*").from_(source.this.copy())
    for name, values in zip(names, unnest.expressions, strict=True):
        call = exp.Anonymous(this="unnest", expressions=[values.copy()])
        read = read.select(exp.alias_(call, _PREFIX + name))
    select.set("joins", [])
    for node in _own_parts(select):
        if isinstance(node, exp.Column) and node.name in names and node.table in ("", alias.name):
            _rename(node)
    source.set("this", read.subquery(source.this.alias_or_name))


def _rename(column: exp.Column) -> None:
    renamed: exp.Expr = exp.column(_PREFIX + column.name)
    if isinstance(column.parent, exp.Select) and column.arg_key == "expressions":
        renamed = exp.alias_(renamed, column.name)
    column.replace(renamed)
