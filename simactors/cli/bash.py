"""Completion in bash, which takes a word apart at colons and equals signs: ``bank:lost`` is three words to it.

The line is split here as a shell splits it, and of what is offered bash gets what stands behind the last such sign.
"""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

_SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response
    local line="${COMP_LINE:0:COMP_POINT}"

    response=$(env COMP_LINE="$line" COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete $1)

    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"

        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=($value)
            if [[ $value == *= ]]; then
                compopt -o nospace
            fi
        fi
    done

    return 0
}

%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s
}

%(complete_func)s_setup;
"""


class Bash(BashComplete):
    """click's, but for words with colons and equals signs."""

    source_template = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that it is in, as far as it goes."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """One line; without the part of the word that bash takes for words of their own."""
        value = str(item.value)
        if item.type == "plain":
            _, incomplete = self.get_completion_args()
            if incomplete.startswith("-"):  # ``--set=rate``: what is offered is for the part behind the sign
                incomplete = incomplete.partition("=")[2]
            breaks = [sign for sign in ":=" if sign in os.environ.get("COMP_WORDBREAKS", ":=")]
            value = value[1 + max((incomplete.rfind(sign) for sign in breaks), default=-1) :]
        return f"{item.type},{value}"


add_completion_class(Bash)
