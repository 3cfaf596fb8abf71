"""Measures other sync engines, as far as their Python packages are installed, on the same traces.

    python3 peers.py TRACES RUNS      one JSON object a line, as skerry-bench --json prints them
    python3 peers.py --list           the engines that are there

Times are those of a core. Each call crosses from Python into the engine, some tenths of a microsecond, which
weighs on what is called once a patch (localReplay, remoteKeystroke) and not on the rest.
"""

import gzip
import json
import sys
import time


SEQUENTIAL = ("automerge-paper", "seph-blog1", "rustcode", "sveltecomponent")


class Loro:
    name = "loro"
    counts_bytes = False
    sequential = SEQUENTIAL

    def __init__(self):
        import loro
        self.loro = loro

    def document(self):
        document = self.loro.LoroDoc()
        return document, document.get_text("body")

    def patch(self, document, text, at, delete, insert):
        if delete:
            text.delete(at, delete)
        if insert:
            text.insert(at, insert)
        document.commit()

    def text(self, document):
        return document.get_text("body").to_string()

    def state(self, document):
        return document.export(self.loro.ExportMode.Snapshot())

    def history(self, document):
        return document.export(self.loro.ExportMode.Updates(self.loro.VersionVector()))

    def update(self, document, edit, is_alone=False):
        """What an edit is to others, in bytes; `is_alone` when they have all else already."""
        version = document.oplog_vv
        edit()
        return document.export(self.loro.ExportMode.Updates(version))

    def merge(self, document, update):
        document.import_(update)


class Yrs:
    name = "yrs"
    counts_bytes = True
    sequential = SEQUENTIAL

    def __init__(self):
        import pycrdt
        self.pycrdt = pycrdt

    def document(self):
        document = self.pycrdt.Doc()
        return document, document.get("body", type=self.pycrdt.Text)

    def patch(self, document, text, at, delete, insert):
        with document.transaction():
            if delete:
                del text[at : at + delete]
            if insert:
                text.insert(at, insert)

    def text(self, document):
        return str(document.get("body", type=self.pycrdt.Text))

    def state(self, document):
        return document.get_update()

    history = None  # There is one form, without the deleted text.

    def update(self, document, edit, is_alone=False):
        if not is_alone:
            # With all that was ever deleted, which is what two yrs documents exchange.
            version = document.get_state()
            edit()
            return document.get_update(version)
        updates = []
        subscription = document.observe(lambda event: updates.append(event.update))
        with document.transaction():
            edit()
        document.unobserve(subscription)
        return updates[0]

    def merge(self, document, update):
        document.apply_update(update)


class Automerge:
    name = "automerge"
    counts_bytes = False
    # The others paste much, which takes a call for each scalar and many minutes.
    sequential = ("automerge-paper",)

    def __init__(self):
        from automerge import core
        self.core = core

    def document(self):
        document = self.core.Document()
        with document.transaction() as transaction:
            text = transaction.put_object(self.core.ROOT, "body", self.core.ObjType.Text)
        return document, text

    def patch(self, document, text, at, delete, insert):
        with document.transaction() as transaction:
            for _ in range(delete):
                transaction.delete(text, at)
            for place, scalar in enumerate(insert):
                transaction.insert(text, at + place, self.core.ScalarType.Str, scalar)

    def text(self, document):
        return document.text(document.get(self.core.ROOT, "body")[1])

    def state(self, document):
        return document.save()

    history = None  # What is saved is the history.
    update = None  # Single changes cannot be handed out as bytes.


def engines():
    for engine in (Loro, Yrs, Automerge):
        try:
            yield engine()
        except ImportError as error:
            # A package of another release may lack what is used here.
            print(f"{engine.name.lower()} is left out: {error}", file=sys.stderr)


def report(engine, measurement, subject, unit, figures):
    figures = sorted(figures)
    print(
        json.dumps({
            "name": f"{engine.name}.{measurement}", "subject": subject, "unit": unit,
            "min": figures[0], "median": figures[len(figures) // 2], "max": figures[-1],
            "runs": len(figures)}),
        flush=True)


def timed(runs, work):
    """What `work` returned, and milliseconds of a core for each run."""
    figures = []
    for _ in range(runs):
        start = time.process_time()
        result = work()
        figures.append((time.process_time() - start) * 1e3)
    return result, figures


def check(engine, measurement, subject, right):
    if not right:
        sys.exit(f"{engine.name}.{measurement} of {subject} gives a wrong result")


def plain(text):
    return text.encode("ascii", "replace").decode()


def opened(engine, data):
    if engine.name == "automerge":
        return engine.text(engine.core.Document.load(data))
    document, _ = engine.document()
    engine.merge(document, data)
    return engine.text(document)


def sequential(engine, name, trace, runs):
    patches = [patch for txn in trace["txns"] for patch in txn["patches"]]
    end = trace["endContent"]
    if engine.counts_bytes:
        # Positions are scalars in the traces: a few letters are exchanged so that they are bytes too.
        patches = [(at, delete, plain(insert)) for at, delete, insert in patches]
        end = plain(end)

    def replay():
        document, text = engine.document()
        for at, delete, insert in patches:
            engine.patch(document, text, at, delete, insert)
        return document

    document, figures = timed(1, replay)
    check(engine, "localReplay", name, engine.text(document) == end)
    report(engine, "localReplay", name, "ms", figures)
    state = engine.state(document)
    report(engine, "size" if not engine.history else "stateAndHistorySize", name, "bytes", [len(state)])
    text, figures = timed(runs, lambda: opened(engine, state))
    check(engine, "open", name, text == end)
    report(engine, "open", name, "ms", figures)
    if engine.history:
        history = engine.history(document)
        report(engine, "size", name, "bytes", [len(history)])
        text, figures = timed(runs, lambda: opened(engine, history))
        check(engine, "openFromHistory", name, text == end)
        report(engine, "openFromHistory", name, "ms", figures)
    if engine.update and name == "automerge-paper":
        keystrokes(engine, name, document, state, runs)


def keystrokes(engine, name, document, state, runs):
    count = 4000
    text = document.get_text("body") if engine.name == "loro" else document.get(
        "body", type=engine.pycrdt.Text)
    updates = []
    for place in range(count):
        updates.append(
            engine.update(
                document, lambda: engine.patch(document, text, 5000 + place, 0, "x"), is_alone=True))
    figures = []
    for _ in range(runs):
        copy, _ = engine.document()
        engine.merge(copy, state)

        def work():
            for update in updates:
                engine.merge(copy, update)

        _, milliseconds = timed(1, work)
        check(engine, "remoteKeystroke", name, engine.text(copy) == engine.text(document))
        figures.append(milliseconds[0] * 1e3 / count)
    report(engine, "remoteKeystroke", name, "us", figures)
    report(engine, "saveOneEdit", name, "bytes", [len(updates[0])])


def concurrent(engine, name, trace, runs):
    """The trace written by its authors, each on a document of their own, then merged by one who has nothing."""
    if not engine.update:
        return
    authors, updates, known = {}, [], {}
    for number, txn in enumerate(trace["txns"]):
        author = txn["agent"]
        if author not in authors:
            authors[author], known[author] = engine.document(), set()
        document, text = authors[author]
        missing, queue = set(), list(txn["parents"])
        while queue:
            parent = queue.pop()
            if parent not in missing and parent not in known[author]:
                missing.add(parent)
                queue.extend(trace["txns"][parent]["parents"])
        for parent in sorted(missing):
            engine.merge(document, updates[parent])
        known[author] |= missing

        def edit():
            for at, delete, insert in txn["patches"]:
                engine.patch(document, text, at, delete, insert)

        updates.append(engine.update(document, edit))
        known[author].add(number)
    whole, _ = engine.document()
    for update in updates:
        engine.merge(whole, update)
    data = (engine.history or engine.state)(whole)
    text, figures = timed(runs, lambda: opened(engine, data))
    if text != trace["endContent"]:
        # Seen with yrs, now and then; what did not come to the recorded end is not compared.
        print(f"{engine.name}.merge of {name} ends with another text; left out", file=sys.stderr)
        return
    report(engine, "size", name, "bytes", [len(data)])
    report(engine, "merge", name, "ms", figures)


def main():
    if sys.argv[1:] == ["--list"]:
        print(" ".join(engine.name for engine in engines()))
        return
    folder, runs = sys.argv[1], int(sys.argv[2])

    def read(name):
        with gzip.open(f"{folder}/{name}.json.gz", "rt", encoding="utf-8") as file:
            return json.load(file)

    for engine in engines():
        for name in engine.sequential:
            sequential(engine, name, read(f"sequential/{name}"), runs)
        for name in ("friendsforever", "clownschool"):
            concurrent(engine, name, read(f"concurrent/{name}"), runs)


main()
