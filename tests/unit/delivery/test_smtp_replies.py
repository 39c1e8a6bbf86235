"""Answers of real servers, and their meaning for a message."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.activities.sender import as_code
from madan_sara.delivery.smtp_replies import Meaning, SmtpReply, Stage, classify

RCPT, DATA, CONTENT = Stage.RECIPIENT, Stage.DATA, Stage.CONTENT
ANNOUNCED = (Stage.SENDER, RCPT, DATA)


def classified(stage: Stage, answer: str):
    """The negative on an answer as it stands on the wire, lines ended by line feeds."""
    lines = answer.split("\n")
    reply = SmtpReply(int(lines[0][:3]), "\n".join(line[4:].strip() for line in lines))
    return classify(stage, reply)


PUT_OFF = [
    # postgrey, Postfix, milter-greylist, rspamd, sqlgrey, Exim, and one without a status.
    (RCPT, ("450 4.2.0 <ana@example.com>: Recipient address rejected: Greylisted, see "
           "http://postgrey.schweikert.ch/help/example.com.html"), "smtp_450_4.2.0", None),
    (RCPT, "451 4.7.1 <ana@example.com>: Recipient address rejected: Greylisted",
     "smtp_451_4.7.1", None),
    (RCPT, "451 4.7.1 Greylisted, try again in 300 seconds", "smtp_451_4.7.1", 300),
    (RCPT, "451 4.7.1 Greylisting in action, please come back in 00:04:32", "smtp_451_4.7.1", 272),
    (RCPT, "451 Resources temporarily not available - Please try again later (#4.16.5)",
     "smtp_451", None),
    (RCPT, "451 5.7.1 Greylisted for 5 minutes", "smtp_451_5.7.1", 300),
    (RCPT, "450 4.7.1 <ana@example.com>: Recipient address rejected: Greylisted for 5 minutes",
     "smtp_450_4.7.1", 300),
    (RCPT, "451 Graylisted, please try again in 180 seconds", "smtp_451", 180),
    (CONTENT, "451 4.7.1 Try again later", "smtp_451_4.7.1", None),
    (DATA, "450 Grey-listed: wait 1 hour, 10 minutes", "smtp_450", 4200),
    # A recipient, for any sender.
    (RCPT, ("450-4.2.1 The user you are trying to contact is receiving mail too quickly.\n"
           "450 4.2.1 Please resend your message at a later time."), "smtp_450_4.2.1", None),
    (RCPT, "450 4.1.1 <ana@example.com>: Recipient address rejected: unverified address",
     "smtp_450_4.1.1", None),
    (RCPT, "450 4.1.2 <ana@example.com>: Recipient address rejected: Domain not found",
     "smtp_450_4.1.2", None),
    (RCPT, "451 4.4.0 DNS query failed", "smtp_451_4.4.0", None),
    (RCPT, "450 Requested mail action not taken: mailbox busy", "smtp_450", None),
    (RCPT, "452 4.2.2 The email account that you tried to reach is over quota.",
     "smtp_452_4.2.2", None),
    (RCPT, "452 4.2.1 Mailbox temporarily disabled", "smtp_452_4.2.1", None),
    # A full mailbox is temporary, with any reply code.
    (CONTENT, "552 5.2.2 mailbox full", "smtp_552_5.2.2", None),
    (RCPT, ("552-5.2.2 The recipient's inbox is out of storage space.\n"
           "552 5.2.2 https://support.google.com/mail/?p=OverQuotaPerm"), "smtp_552_5.2.2", None),
    (CONTENT, "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
     "smtp_554_5.2.2", None),
    (RCPT, "552 Requested mail action aborted: exceeded storage allocation", "smtp_552", None),
    (RCPT, "550 Mailbox quota exceeded", "smtp_550", None),
    (RCPT, "550 5.7.0 user ana is over quota", "smtp_550_5.7.0", None),
    (RCPT, "550 4.2.2 over quota", "smtp_550_4.2.2", None),
]  # fmt: skip

UNAVAILABLE = [
    # Before a message.
    (Stage.CONNECTING, "421 4.3.2 Service not active", "smtp_421_4.3.2", None),
    (Stage.CONNECTING, "454 4.7.0 TLS not available due to local problem", "smtp_454_4.7.0", None),
    (Stage.CONNECTING, "451 try again", "smtp_451", None),
    (Stage.CONNECTING, "554 5.3.2 System not accepting network messages", "smtp_554_5.3.2", None),
    (Stage.LOGIN, "454 4.7.0 Temporary authentication failure", "smtp_454_4.7.0", None),
    (Stage.LOGIN, "454 4.7.0 Too many login attempts, please try again in 10 minutes",
     "smtp_454_4.7.0", 600),
    # Quotas of the account.
    (CONTENT, "550 5.4.5 Daily user sending limit exceeded", "smtp_550_5.4.5", None),
    (CONTENT, ("550-5.4.5 Daily SMTP relay sending limit exceeded for customer. For more\n"
              "550-5.4.5 information on SMTP relay sending limits please go to\n"
              "550 5.4.5  https://support.google.com/a/answer/166852"), "smtp_550_5.4.5", None),
    (DATA, "454 4.7.0 Throttling failure: maximum sending rate exceeded", "smtp_454_4.7.0", None),
    (DATA, "454 Throttling failure: Daily message quota exceeded", "smtp_454", None),
    (RCPT, "550 5.1.90 Your message can't be sent because you've reached your daily limit",
     "smtp_550_5.1.90", None),
    (CONTENT, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
     "smtp_554_5.2.0", None),
    (CONTENT, "550 5.7.705 Access denied, tenant has exceeded threshold", "smtp_5.7.705", None),
    (CONTENT, "550 5.7.1 You have exceeded your hourly quota", "smtp_550_5.7.1", None),
    (RCPT, "450 4.7.1 Error: too much mail from 192.0.2.1", "smtp_450_4.7.1", None),
    (RCPT, "451 4.7.500 Server busy. Please try again later from 192.0.2.1", "smtp_4.7.500",
     None),
    (RCPT, ("451 4.7.650 The mail server 192.0.2.1 has been temporarily rate limited due to IP "
           "reputation"), "smtp_4.7.650", None),
    (RCPT, "450 Too many messages, retry in 5 minutes", "smtp_450", 300),
    # The mail system.
    (RCPT, "451 4.3.0 <ana@example.com>: Temporary lookup failure", "smtp_451_4.3.0", None),
    (CONTENT, "451 4.3.0 Error: queue file write error", "smtp_451_4.3.0", None),
    (RCPT, "452 4.3.1 Insufficient system storage", "smtp_452_4.3.1", None),
    (CONTENT, "452 4.3.1 Insufficient system resources (UsedDiskSpace)", "smtp_452_4.3.1", None),
    (RCPT, "452 Requested action not taken: insufficient system storage", "smtp_452", None),
    (RCPT, "451 4.3.5 Server configuration error", "smtp_451_4.3.5", None),
    (RCPT, "550 5.3.2 System not accepting network messages", "smtp_550_5.3.2", None),
    (DATA, "451 4.4.5 congestion", "smtp_451_4.4.5", None),
    # Who we are, not to whom.
    (RCPT, "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
     "smtp_450_4.7.25", None),
    (RCPT, "450 4.1.8 <s@b.test>: Sender address rejected: Domain not found", "smtp_450_4.1.8",
     None),
    (RCPT, "454 4.7.1 <ana@example.com>: Relay access denied", "smtp_454_4.7.1", None),
    (RCPT, "450 4.7.1 <localhost>: Helo command rejected: Host not found", "smtp_450_4.7.1", None),
    (RCPT, "451 4.1.7 bad syntax in the sender's address", "smtp_451_4.1.7", None),
    (RCPT, "451 4.7.501 Access denied, please try again later", "smtp_4.7.501", None),
    (CONTENT, "421 4.4.2 mx.example.com Error: timeout exceeded", "smtp_421_4.4.2", None),
    # The server closes: after the content there is no second connection.
    (CONTENT, ("421-4.7.0 Our system has detected an unusual rate of unsolicited mail\n"
              "421 4.7.0 originating from your IP address."), "smtp_421_4.7.0", None),
    (Stage.SENDER, "552 5.2.2 sender over quota", "smtp_552_5.2.2", None),
    (Stage.SENDER, "550 daily sending quota exceeded", "smtp_550", None),
]  # fmt: skip

MISCONFIGURED = [
    (Stage.CONNECTING, "554 No SMTP service here", "smtp_554"),
    (Stage.CONNECTING, "550 5.7.1 Service unavailable, client host blocked", "smtp_550_5.7.1"),
    (Stage.LOGIN, ("535-5.7.8 Username and Password not accepted. For more, go to\n"
                   "535 5.7.8 https://support.google.com/?p=BadCredentials"), "smtp_535_5.7.8"),
    (Stage.LOGIN, "534-5.7.9 Application-specific password required.", "smtp_534_5.7.9"),
    (Stage.LOGIN, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled",
     "smtp_5.7.139"),
    (Stage.LOGIN, "432 4.7.12 A password transition is needed", "smtp_432_4.7.12"),
    (Stage.SENDER, "530 5.7.0 Must issue a STARTTLS command first", "smtp_530_5.7.0"),
    (Stage.SENDER, "530 5.7.57 Client not authenticated to send mail", "smtp_530_5.7.57"),
    (RCPT, "538 Encryption required for requested authentication mechanism", "smtp_538"),
    (Stage.SENDER, "553 5.7.1 <s@b.test>: Sender address rejected: not owned by user shop",
     "smtp_553_5.7.1"),
    (RCPT, "553 5.7.1 <s@b.test>: Sender address rejected: not owned by user shop",
     "smtp_553_5.7.1"),
    (RCPT, "550 5.1.0 <s@b.test>: Sender address rejected: User unknown", "smtp_550_5.1.0"),
    (RCPT, "550 5.1.8 Access denied, bad outbound sender", "smtp_550_5.1.8"),
    (CONTENT, "554 5.2.252 SendAsDenied; s@b.test not allowed to send as x@b.test",
     "smtp_5.2.252"),
    (RCPT, "554 5.7.1 <ana@example.com>: Relay access denied", "smtp_554_5.7.1"),
    (RCPT, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
     "smtp_550_5.7.54"),
    (RCPT, "550 5.7.1 Authentication required", "smtp_550_5.7.1"),
    (RCPT, "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
     "smtp_504_5.5.2"),
    (RCPT, ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
           "zen.spamhaus.org"), "smtp_554_5.7.1"),
    (RCPT, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "smtp_5.7.606"),
    (RCPT, ("550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your "
           "Internet service provider since part of their network is on our block list (S3140)."),
     "smtp_550_5.7.1"),
]  # fmt: skip

REFUSED = [
    (RCPT, "550 5.1.1 <ana@example.com>: Recipient address rejected: User unknown",
     "smtp_550_5.1.1"),
    (RCPT, ("550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
           "550 5.1.1 double-checking the recipient's email address"), "smtp_550_5.1.1"),
    (RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "smtp_550_5.1.10"),
    (RCPT, "550 5.4.1 Recipient address rejected: Access denied.", "smtp_550_5.4.1"),
    (RCPT, "550 5.2.1 The email account that you tried to reach is disabled.", "smtp_550_5.2.1"),
    (RCPT, "450 5.1.1 user unknown", "smtp_450_5.1.1"),
    (RCPT, "550 5.1.2 Host unknown, relaying denied", "smtp_550_5.1.2"),
    (Stage.SENDER, "550 5.6.7 Address with non-ASCII characters not permitted", "smtp_550_5.6.7"),
    (RCPT, "550 No such user here", "smtp_550"),
    (RCPT, "501 5.1.3 Bad recipient address syntax", "smtp_501_5.1.3"),
    (RCPT, "551 User not local", "smtp_551"),
    (RCPT, "550 5.7.1 <ana@example.com>: Recipient address rejected: blacklisted",
     "smtp_550_5.7.1"),
    (CONTENT, "554 5.7.1 Message content rejected", "smtp_554_5.7.1"),
    (CONTENT, "550 5.7.26 This mail is unauthenticated", "smtp_550_5.7.26"),
    (CONTENT, "550 5.7.515 Access denied, sending domain does not meet the required level",
     "smtp_5.7.515"),
    (CONTENT, "554 5.7.9 Message not accepted for policy reasons", "smtp_554_5.7.9"),
    (CONTENT, "554 5.7.1 Service unavailable; link blocked using multi.surbl.org",
     "smtp_554_5.7.1"),
    (CONTENT, "552 5.3.4 Message size exceeds fixed limit", "smtp_552_5.3.4"),
    (CONTENT, "552-5.2.3 Your message exceeded Google's message size limits.", "smtp_552_5.2.3"),
    (CONTENT, "554 Message refused", "smtp_554"),
    (CONTENT, "500 line too long", "smtp_500"),
    (Stage.SENDER, "555 MAIL FROM parameters not recognized", "smtp_555"),
]  # fmt: skip

WORN = [
    *((stage, "421 4.7.0 too many messages in this connection", "smtp_421_4.7.0")
      for stage in ANNOUNCED),
    (Stage.SENDER, "452 4.5.3 Too many messages on this connection", "smtp_452_4.5.3"),
    (Stage.SENDER, "451 4.3.0 try later", "smtp_451_4.3.0"),
    (Stage.SENDER, "503 5.5.1 Error: nested MAIL command", "smtp_503_5.5.1"),
    (RCPT, "503 bad sequence of commands", "smtp_503"),
    (DATA, "503 5.5.1 Error: need RCPT command", "smtp_503_5.5.1"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "answer", "code", "seconds"), PUT_OFF)
def test_a_recipient_is_put_off(stage, answer, code, seconds):
    negative = classified(stage, answer)
    assert (negative.meaning, negative.code) == (Meaning.PUT_OFF, code)
    assert negative.retry_after == (seconds and timedelta(seconds=seconds))


@pytest.mark.parametrize(("stage", "answer", "code", "seconds"), UNAVAILABLE)
def test_the_account_is_out_of_service(stage, answer, code, seconds):
    negative = classified(stage, answer)
    assert (negative.meaning, negative.code) == (Meaning.UNAVAILABLE, code)
    assert negative.retry_after == (seconds and timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("meaning", "stage", "answer", "code"),
    [
        (meaning, *row)
        for meaning, rows in (
            (Meaning.MISCONFIGURED, MISCONFIGURED),
            (Meaning.REFUSED, REFUSED),
            (Meaning.WORN, WORN),
        )
        for row in rows
    ],
)
def test_other_answers_have_their_meaning_and_code(meaning, stage, answer, code):
    negative = classified(stage, answer)
    assert (negative.meaning, negative.code) == (meaning, code)


@pytest.mark.parametrize("word", ["greylisted", "quota", "rate", "mailbox.full", "spamhaus"])
def test_an_address_does_not_decide_the_meaning_of_its_refusal(word):
    for quoted in (f"<{word}@limit.example>", f"{word}@limit.example"):
        refused = classified(RCPT, f"550 {quoted}: no such person")
        put_off = classified(RCPT, f"450 {quoted}: not now")
        assert (refused.meaning, put_off.meaning) == (Meaning.REFUSED, Meaning.PUT_OFF)


@pytest.mark.parametrize("code", [-1, 0, 25, 199, 200, 354, 399, 600, 999])
def test_an_answer_that_is_not_negative_has_no_meaning(code):
    assert classify(CONTENT, SmtpReply(code, "5.1.1 no")) is None


@settings(deadline=None)
@given(
    st.sampled_from(Stage),
    st.integers(400, 599),
    st.one_of(
        st.text(),
        st.from_regex(r"[0-9]\.[0-9]{1,4}\.[0-9]{1,4}[ \n].*"),
        st.from_regex(r"(retry in|greylisted for|wait) [0-9]{1,12} ?(s|minutes|days)( and 9 h)?"),
    ),
)
def test_every_negative_answer_has_a_verdict_that_can_be_kept(stage, code, text):
    negative = classify(stage, SmtpReply(code, text))
    assert negative is not None
    assert as_code(negative.code) == negative.code
    if negative.retry_after is not None:
        assert timedelta(seconds=1) <= negative.retry_after <= timedelta(days=1)


@settings(deadline=None)
@given(st.sampled_from((RCPT, DATA, CONTENT)), st.integers(400, 499), st.text())
def test_a_temporary_code_without_a_status_is_never_final(stage, code, text):
    negative = classify(stage, SmtpReply(code, text.replace("5.", "")))
    assert negative is not None
    assert negative.meaning not in (Meaning.REFUSED, Meaning.MISCONFIGURED)


@pytest.mark.parametrize(
    "part", ["<", "@", "sender not ", "client host ", "a ", "retry ", "4.7.1\n"]
)
def test_a_long_answer_is_classified_at_once(part):
    classify(RCPT, SmtpReply(550, part * 10**6))
