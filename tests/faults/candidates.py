"""Small faults that can be put into the product's code, one a line, found in its text.

The operators are those of mutation testing: conditions are negated, comparisons, logic and arithmetic are swapped, statements and
checks are dropped, values are replaced. Comments, texts, attributes and tests are left alone.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Fault:
    path: str
    line: int
    operator: str
    old: str
    new: str

    def put_into(self, text):
        """The text of the file with the fault in it."""
        lines = text.split("\n")
        assert lines[self.line - 1] == self.old, self
        lines[self.line - 1] = self.new
        return "\n".join(lines)

    def __str__(self):
        return f"{self.path}:{self.line}  {self.operator}: `{self.old.strip()}` -> `{self.new.strip() or 'nothing'}`"


# All that is no code, in the order in which it has to be looked for.
NO_CODE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | b?r(?P<fence>\#*)".*?"(?P=fence)
      | b?"(?:[^"\\]|\\.)*"
      | b?'(?:[^'\\\n]|\\[^\n]{1,10}?)'
    """,
    re.VERBOSE | re.DOTALL,
)
# Attributes of what only tests and harnesses build.
UNBUILT = re.compile(r"#\[cfg\((?!not\()[^\]]*\b(?:test|feature)\b[^\]]*\)\]")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def item_end(text, start):
    """The end of the item that begins at `start`: its `;`, `,` or closing brace.

    >>> text = "#[cfg(test)] mod tests { fn a() {} } fn b() {}"
    >>> text[item_end(text, 12):]
    ' fn b() {}'
    """
    depth = 0
    for place in range(start, len(text)):
        if text[place] in "([{":
            depth += 1
        elif text[place] in ")]}":
            depth -= 1
            if depth < 0 or (depth == 0 and text[place] == "}"):
                return place + 1 if depth == 0 else place
        elif text[place] in ";," and depth == 0:
            return place + 1
    return len(text)


def code_of(text):
    """The text with everything blank that is no code of the product, each character in its place.

    >>> code_of('let a = "x < y"; // a < b')
    'let a =        ;         '
    """
    code = NO_CODE.sub(lambda found: blank(found[0]), text)
    while found := UNBUILT.search(code):
        end = item_end(code, found.end())
        code = code[:found.start()] + blank(code[found.start():end]) + code[end:]
    return re.sub(r"#!?\[[^\]]*\]", lambda found: blank(found[0]), code)


SWAPS = {
    "comparison": {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == "},
    "logic": {" && ": " || ", " || ": " && "},
    "arithmetic": {" + ": " - ", " - ": " + "},
    "value": {"true": "false", "false": "true"},
}
CONDITION = re.compile(r"\bif (?!let\b)((?:(?!\blet\b|=>)[^{}])+?) (?=\{|=>)")
# A call that is alone on its line. Logs and metrics are no behaviour that tests are for.
CALL = re.compile(r"\s*(?!return\b|let\b|use\b|break\b|tracing|metrics|debug|info|warn|error|trace|assert|drop\b|write)"
                  r"[a-z_*&][\w:.]*[!]?\(.*\)(?:\.\w+\(.*\)|\.await)*(\??);\s*")
NUMBER = re.compile(r"(?<![\w.#])\d[\d_]*(?![\w.])")
# One more or less of these makes no difference that a test could see.
MEASURE = re.compile(r"Duration|_(?:ms|us|ns|s|bytes)\b|_(?:MS|US|NS|S|BYTES)\b|\bwith_capacity\b")


def is_closure(code, place):
    """True where ` || ` begins a closure without parameters."""
    before = code[:place].rstrip()
    return before.endswith(("(", ",", "=", "{", "move", "async"))


def edits_of(old, code, before):
    """All (operator, new line) of one line; `before` is the code that comes before it."""
    for found in CONDITION.finditer(code):
        start, end = found.span(1)
        yield "negated condition", f"{old[:start]}!({old[start:end]}){old[end:]}"
    for operator, swaps in SWAPS.items():
        pattern = "|".join(rf"\b{word}\b" if word.isalpha() else re.escape(word) for word in swaps)
        for found in re.finditer(pattern, code):
            in_types = operator == "arithmetic" and re.search(r"\b(impl|dyn|where|fn|type|trait)\b|: [A-Z]", code)
            if in_types or (found[0] == " || " and is_closure(code, found.start())):
                continue
            yield operator, old[:found.start()] + swaps[found[0]] + old[found.end():]
    if (found := CALL.fullmatch(code)) and before.rstrip().endswith((";", "{", "}")):
        yield ("dropped check" if found[1] else "dropped statement"), ""
    if not MEASURE.search(code):
        for found in NUMBER.finditer(code):
            start, end = found.span()
            yield "constant", f"{old[:start]}{int(found[0].replace('_', '')) + 1}{old[end:]}"


def faults_in(path, text):
    """All faults that can be put into a file.

    >>> text = "fn a(b: u8) -> bool {\\n    check(b)?;\\n    b < 7 && true\\n}"
    >>> for fault in faults_in("a.rs", text): print(fault)
    a.rs:2  dropped check: `check(b)?;` -> `nothing`
    a.rs:3  comparison: `b < 7 && true` -> `b <= 7 && true`
    a.rs:3  logic: `b < 7 && true` -> `b < 7 || true`
    a.rs:3  value: `b < 7 && true` -> `b < 7 && false`
    a.rs:3  constant: `b < 7 && true` -> `b < 8 && true`
    >>> faults_in("a.rs", "#[cfg(test)]\\nmod tests {\\n    const A: u8 = 1;\\n}")
    []
    """
    code = code_of(text)
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    faults = []
    for number, old in enumerate(lines):
        own = code[starts[number]:starts[number] + len(old)]
        if own.strip():
            for operator, new in edits_of(old, own, code[:starts[number]]):
                faults.append(Fault(path, number + 1, operator, old, new))
    return faults
