"""A campaign in which most messages are made: `python -m tests.support.ledger.every_message as_it_is|reworded LEDGER`.

Prints what the code decided (states, rules, counts), and apart from that all words, as JSON.
"""

import sys

if __name__ == "__main__":
    _, how, ledger = sys.argv
    if how == "reworded":
        from tests.support.ledger.rewording import reword_all

        reword_all()
    from tests.support.ledger.message_scenario import play

    print(play(ledger))
