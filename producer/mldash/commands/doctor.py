"""`mldash doctor`"""

from __future__ import annotations

import json
import sys

import click
import msgspec

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red"), "skipped": ("-", "bright_black")}


@click.command("doctor")
@click.option("--remote", metavar="URL", help="The API (also MLDASH_REMOTE).")
@click.option("--kafka", metavar="HOST:PORT", help="Kafka's address, in place of what the API says.")
@click.option("--token", metavar="TOKEN", help="For the API (also MLDASH_TOKEN).")
@click.option("--root", metavar="FOLDER", help="Local mode's folder (also MLDASH_ROOT).")
@click.option("--journal", metavar="FOLDER", help="The journal's folder (also MLDASH_JOURNAL).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    remote: str | None, kafka: str | None, token: str | None, root: str | None, journal: str | None, as_json: bool
) -> None:
    """Try every server and setting that a training process on this host would use, and say what is wrong.

    Settings; the journal's folder and disk; journals that dead processes have left; the local root; the API, its
    version and clock; Kafka as this host reaches it, its topics and sizes. It sends no event and changes nothing.
    Exit code 0 where nothing stands in the way (warnings do not), else 1.
    """
    from mldash.doctor import examine
    from mldash.process.log_output import keep_clients_quiet

    keep_clients_quiet()
    options = {"remote": remote, "kafka": kafka, "token": token, "root": root, "journal": journal}
    found = []
    for finding in examine({name: value for name, value in options.items() if value}):
        found.append(finding)
        if not as_json:
            mark, colour = _MARKS[finding.state]
            advice = f"  → {finding.advice}" if finding.advice else ""
            click.echo(f"{click.style(mark, fg=colour)} {finding.what + ':':15} {finding.said}{advice}")
    healthy = all(finding.state != "problem" for finding in found)
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "findings": msgspec.to_builtins(found)}, indent=2))
    if not healthy:
        sys.exit(1)
