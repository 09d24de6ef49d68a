"""Ways to stack what networks see, beside the recipe's own."""

from folds.findings import plural
from reports.sheets import Comparison
from reports.table import NOTHING, Said, Table, Words, columns, measure, notices, percent


def tables(sheet: Comparison) -> list[Said]:
    """What `make compare` tells."""
    whose = f"{sheet['patients']} {sheet['group']}s, " if sheet["patients"] else ""
    return [
        f"compare: {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}, {whose}"
        f"{plural(len(sheet['seeds']), 'seed')} of boosters.",
        variant_table(sheet),
        *notices(sheet.get("declared", ())),
    ]


def variant_table(sheet: Comparison) -> Table:
    """Each variant, and that minus the recipe's own way, the first."""
    rows = []
    for at, name in enumerate(sheet["order"]):
        pauc, auc = (sheet["variants"][name][metric] for metric in ("pauc", "auc"))
        gain = NOTHING if at == 0 else measure(pauc["minus_whole"])
        rows.append((Words(name), measure(pauc["value"]), measure(auc["value"]), gain))
    pauc_above = f"pAUC above {percent(sheet['min_tpr'])} TPR"
    return Table(columns("variant", pauc_above, "AUC", "minus recipe, pAUC"), tuple(rows))
