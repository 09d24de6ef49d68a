"""make verify: look at the data before it is believed.

Reads the raw tables and every image, with data.lesions a folder of HAM10000 too (kept as
<run>/lesions/); writes <run>/samples/ with samples.parquet, images.parquet, duplicates.parquet and
verify.json, and with verify.look_alikes the pairs that a person should judge
(look_alikes.html). Every problem is named in one pass; any error ends in exit
code 2, and nothing later runs on such data.
"""

from folds.findings import Findings
from folds.samples import described
from folds.sources import open_source
from pipeline.job import Job
from pipeline.lesions import with_lesions
from pipeline.samples import CROSSINGS, REPORT, looking, verifying
from pipeline.seeing import seeing
from reports import crossings
from scripts import sample
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The verified samples; raises the first error after all have been shown."""
    if job.recipe.synthetic is not None and not job.own_data:
        job.need(sample.run)
    source = open_source(with_lesions(job))
    task = verifying(job, source)
    if job.state_of(task).done:
        done, new = job.make(task)
    else:
        shards = looking(job, source)
        seen = seeing(job, source, shards)
        table = verifying(job, source, shards, seen)
        done, new = job.carry_out(*shards, *seen, table)[-1]
    if not new and not done.facts["errors"]:
        job.rest("verify", f"{done.folder} is up to date.")
    _tell(job, done, news=new or job.stage == "verify")
    return done


def _tell(job: Job, done: Unit, *, news: bool) -> None:
    """Print every finding of news, then the counts; errors end the stage, also when not new."""
    report = done.json(REPORT)
    if news:
        for finding in report["notices"]:
            job.show_finding("notice", finding)
        job.show(crossings.tables(report.get(CROSSINGS, ())))
        job.say(f"verify: {described(report['counts'])}.")
    for finding in report["errors"][1:]:
        job.show_finding("error", finding)
    findings = Findings()
    for finding in report["errors"]:
        findings.error(finding["check"], finding["message"], count=finding["count"])
    findings.raise_errors()


if __name__ == "__main__":
    main(run)
