"""What a run did to people, on truth: notes taken each second, ledger, tables, report, comparison.

It watches worlds and changes nothing in them.
"""
