"""A small lexicon of general English: closed classes, irregular forms, everyday synonyms and opposites.

It knows the language a little and no domain at all: a word stands here only if a general dictionary would give
the same sense. What a deployment's own words mean is read from its tools' schemas, and from MiniLM.
"""


def word_set(text: str) -> frozenset[str]:
    """Split a list of words that is written as one string."""
    return frozenset(text.split())


STOP = word_set(
    """a an the this that these those it its itself they them their he she his her him i me my mine we us our you your
    yours and or but nor so then than too also just very really quite some any each every all both no not never
    none of at by for from in into on onto to up with within without about as is are was were be been being am
    do does did done doing have has had having can could will would shall should may might must if unless
    whether because while until there here what which who whom whose when where why how please kindly ok okay hi
    hello hey thanks thank let lets yes yet still already ever only now again more most much many such own same
    other another out off over under dear regards cheers sorry well want need like wish would'd i'd i'm i've
    i'll it's that's what's where's who's when's how's there's you're we're they're don't doesn't didn't isn't
    aren't wasn't weren't won't can't cannot couldn't wouldn't hasn't haven't hadn't shouldn't one ones thing
    things something anything everything use using able able possible currently actually maybe perhaps tell know
    say see give"""
)
"""Words that carry no topic."""

NEGATIONS = word_set(
    """not no never none neither nor without don't doesn't didn't isn't aren't wasn't weren't won't can't cannot
    couldn't wouldn't hasn't haven't hadn't shouldn't dont doesnt didnt isnt wasnt wont cant hasnt havent hadnt
    nothing nobody ain't"""
)

QUESTION_WORDS = word_set("what which who whom whose when where why how what's where's who's when's how's")
AUXILIARIES = word_set(
    """is are was were am do does did has have had can could will would shall should may might isn't aren't wasn't
    weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't wouldn't shouldn't"""
)
PRONOUNS = word_set("i you he she it we they this that there someone somebody everyone")
FILLERS = word_set(
    """please kindly also and then now so well just but first firstly second secondly third next finally afterwards
    afterward later ok okay hi hello hey thanks lastly plus alright sure yes additionally moreover or instead
    still only simply dear there anyway"""
)
ANAPHORA = word_set("""it its itself that this these those them they their same one latter former there both""")

READING = word_set(
    """find get show look see fetch read view check display retrieve lookup list search track describe count query
    browse watch inspect tell give know explain compute calculate compare monitor verify report return which
    what summarise summarize say remind forecast estimate convert translate measure ask"""
)
"""Verbs that tools which change nothing go by."""

VERBS = READING | word_set(
    """wipe refund reimburse repay pay send mail email message text notify dispatch forward move transfer shift relocate
    copy duplicate clone share unshare invite delete remove erase discard drop trash create add make new book
    schedule reschedule arrange plan open close shut lock unlock change update modify edit alter adjust correct
    amend switch set reset cancel abort revoke call phone buy purchase order start begin launch run enable
    activate stop end halt disable deactivate increase raise decrease lower reduce turn assign approve accept
    confirm reject decline deny upload download save store keep rename restore archive post publish reply
    respond answer write register subscribe unsubscribe join leave block unblock mute unmute pause resume play
    skip apply issue charge bill return exchange replace fix repair reserve ship deliver mark complete finish
    submit put take bring clear fill print scan sort merge split attach pin tag label rate review escalate
    contact transfer withdraw deposit wire generate draw build deploy roll restart reboot shutdown install
    uninstall import export sync extend renew postpone delay dim heat cool warm do proceed process redirect
    reroute ban grant give remember forget note log record request prepare convert translate summarize summarise
    connect disconnect free release hold redeem credit"""
)
"""Base forms that can head an order."""

REPORTING = word_set(
    """says said say saying wrote writes write reads states stated claims claimed tells told asks asked instructs
    instructed quote quoted mentions mentioned reading summarise summarize translate paraphrase explain
    proofread rewrite spell-check forwarded pasted text message mail email e-mail note letter article page
    document review comment body subject content contents description"""
)
"""Words after which a colon brings somebody's text rather than an order."""

IRREGULAR = {
    form: base
    for base, forms in {
        "send": "sent", "pay": "paid", "buy": "bought", "go": "went gone", "get": "got gotten", "come": "came",
        "make": "made", "tell": "told", "write": "wrote written", "leave": "left", "lose": "lost", "find": "found",
        "give": "gave given", "take": "took taken", "begin": "began begun", "break": "broke broken", "speak": "spoke",
        "choose": "chose chosen", "hold": "held", "keep": "kept", "sell": "sold", "meet": "met", "run": "ran",
        "see": "saw seen", "know": "knew known", "bring": "brought", "forget": "forgot forgotten", "hide": "hidden",
        "withdraw": "withdrew withdrawn", "steal": "stole stolen", "rise": "rose risen", "read": "reading",
        "warm": "warmer warmest", "cold": "colder coldest", "hot": "hotter hottest", "big": "bigger biggest",
        "large": "larger largest", "small": "smaller smallest", "cheap": "cheaper cheapest", "old": "older oldest",
        "new": "newer newest", "long": "longer longest", "late": "later latest", "high": "higher highest",
                "person": "people", "child": "children", "body": "bodies", "cancel": "cancelled canceled cancelling",
    }.items()
    for form in forms.split()
}  # fmt: skip

PAST = {
    "send": "sent", "pay": "paid", "buy": "bought", "get": "got", "make": "made", "tell": "told", "write": "wrote",
    "leave": "left", "find": "found", "give": "gave", "take": "took", "begin": "began", "set": "set", "put": "put",
    "read": "read", "run": "ran", "hold": "held", "keep": "kept", "bring": "brought", "cut": "cut", "shut": "shut",
    "reset": "reset", "withdraw": "withdrew", "build": "built", "draw": "drew", "forget": "forgot", "split": "split",
    "cancel": "cancelled", "submit": "submitted", "ship": "shipped", "stop": "stopped", "drop": "dropped",
    "transfer": "transferred", "refer": "referred", "plan": "planned", "pin": "pinned", "tag": "tagged",
    "dim": "dimmed", "ban": "banned", "skip": "skipped", "scan": "scanned", "log": "logged", "mail": "mailed",
}  # fmt: skip

PHRASES = {
    "money back": "refund", "cash back": "refund", "pay back": "refund", "paid back": "refund",
    "call off": "cancel", "called off": "cancel", "get rid of": "delete", "look up": "find", "set up": "create",
    "turn on": "enable", "switch on": "enable", "turn off": "disable", "switch off": "disable",
    "turn up": "increase", "turn down": "decrease", "find out": "find", "throw away": "delete",
    "drop a line": "mail", "get in touch": "contact", "send back": "return", "sent back": "return",
    "hand back": "return", "look after": "care maintain", "take care": "care maintain", "get back": "refund return",
    "want back": "refund return", "have back": "refund return", "give back": "refund return",
    "opening times": "hours open", "get here": "arrive", "come back": "return", "put off": "postpone",
    "switch over": "change", "take off": "remove", "get out": "leave",
}  # fmt: skip
"""Phrases and what they mean in one word, added to the words of a clause."""

ASKING = {
    "what happened": "status", "going on": "status", "up with": "status",
    "how much": "amount price cost total balance", "how many": "count number", "how long": "duration time",
    "how far": "distance", "how often": "frequency", "how warm": "temperature", "how cold": "temperature",
    "how hot": "temperature", "how old": "age", "i pay": "total price amount", "i paid": "total price amount",
    "it cost": "total price amount", "i spend": "total price amount", "i spent": "total price amount",
    "when will": "expected due", "when should": "expected due", "when does": "start due",
}  # fmt: skip
"""Ways to ask, and what the answer is called in a schema."""

QUESTION_TOPICS = {
    "where": "track location status address place position",
    "where's": "track location status address place position",
    "when": "date time due start expected",
    "when's": "date time due start expected",
    "who": "person name owner",
    "who's": "person name owner",
    "why": "reason",
}
"""What the answer to a question word is called in a schema."""

SYNONYMS = tuple(
    frozenset(group.split())
    for group in (
        "refund reimburse repay reimbursement repayment",
        "delete remove erase discard trash wipe",
        "create add make new book schedule arrange plan put",
        "change update modify edit alter adjust correct amend set",
        "switch turn toggle set",
        "transfer send wire",
        "cancel abort revoke remove",
        "set adjust lower raise increase decrease reduce",
        "mail email",
        "message text sms",
        "send dispatch",
        "write compose draft",
        "move transfer shift relocate put",
        "copy duplicate clone",
        "buy purchase order",
        "start begin launch run enable activate",
        "stop end halt disable deactivate",
        "increase raise",
        "decrease lower reduce",
        "approve accept confirm",
        "reject decline deny",
        "find search lookup locate",
        "parcel package shipment delivery consignment",
        "ship dispatch",
        "deliver arrive",
        "track trace locate follow",
        "client customer",
        "meeting appointment event",
        "calendar agenda diary schedule event",
        "file document",
        "folder directory",
        "price cost amount total sum value charge fee",
        "temperature heat heating degree warm cold celsius",
        "thermostat heating temperature",
        "task todo reminder",
        "phone call telephone ring",
        "room place location",
        "location place whereabouts city town",
        "article help guide faq policy information",
        "invoice bill",
        "holiday vacation leave",
        "light lamp",
        "film movie",
        "car vehicle",
        "status state progress news update",
        "picture photo image",
        "weather forecast rain sunny temperature",
        "quantity number count",
        "free available vacant",
        "busy booked occupied",
        "read view",
        "write edit",
        "buyer purchaser",
        "tip advice",
        "error failure problem fault",
        "company firm business",
        "employee staff worker",
        "salary wage pay",
        "attendee participant guest",
        "invite add",
    )
)
"""Everyday synonyms, for ranking only: they may bring a tool to mind, never prove that something happened."""

SAME_EVENT = tuple(
    frozenset(group.split())
    for group in (
        "deliver arrive receive",
        "ship dispatch send",
        "cancel revoke",
        "refund reimburse repay",
        "finish complete done",
        "late overdue delay",
        "pay settle",
        "find exist",
        "total amount price cost sum",
        "delete remove",
    )
)
"""Words for one and the same event, safe to test a condition by."""

OPPOSITES = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("open", "close closed shut"),
        ("on enabled active activated running", "off disabled inactive deactivated stopped"),
        ("lock locked", "unlock unlocked"),
        ("free available", "busy unavailable booked occupied taken"),
        ("paid", "unpaid unsettled outstanding"),
        ("read", "unread"),
        ("full", "empty"),
        ("late overdue", "punctual timely"),
    )
)

NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}
MONTHS = {
    name: number + 1
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sep sept", "october oct", "november nov", "december dec",
        )
    )
    for name in names.split()
}  # fmt: skip
WEEKDAYS = {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}

CLASSES: dict[str, frozenset[str]] = {
    "money": word_set("amount total price cost sum fee value balance charge budget payment salary rate"),
    "email": word_set("email mail to recipient address sender from attendee cc bcc invitee guest user with"),
    "date": word_set("date day when on at start due deadline until since from begin end birthday expiry"),
    "time": word_set("time at when start hour begin end until from"),
    "url": word_set("url link website site page address uri"),
    "path": word_set("path file filename folder directory source destination target name document from to"),
    "duration": word_set("minute hour second day week month year duration length timeout ttl"),
    "place": word_set("location place city town room where folder destination country region area target"),
    "person": word_set("to recipient name person attendee customer user assignee owner who with contact"),
    "content": word_set("body message text content note comment description reason details detail memo fact"),
    "title": word_set("title subject name label heading summary topic headline"),
    "query": word_set("query question q search keyword keywords topic term terms phrase input prompt"),
}
"""Which parameter names go with which kind of value."""
