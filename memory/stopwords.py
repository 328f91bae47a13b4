"""Words that tell nothing of what a text is about."""

import re

STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could did do does for from had has have he her him his how i if in is it its"
        " me my of on or our shall she should so than that the their them then there these they this to us was we were"
        " what when where which who whom why will with would you your",
    )
)
