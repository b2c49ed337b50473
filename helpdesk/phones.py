"""Phone numbers: one form to compare them by, however they were written. The numbering plans are libphonenumber's."""

import phonenumbers


def e164(written: str, *, country: str) -> str:
    """``+358401234567`` for a number as people write it; without a country code it is one of ``country`` (ISO 3166).

    With a country code its length has to be right, without one the whole number: anything may be five digits. Raises
    ValueError for what isn't one, an extension of the house for instance.
    """
    try:
        number = phonenumbers.parse(written, country or None)
    except phonenumbers.NumberParseException as error:
        raise ValueError(str(error)) from error
    is_international = written.lstrip().startswith(("+", "00"))
    is_right = phonenumbers.is_possible_number if is_international else phonenumbers.is_valid_number
    if number.extension or not is_right(number):
        raise ValueError("not a number of a phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parts(number: str) -> tuple[str, str]:
    """The country code of a number in E.164 and what people of that country dial, without the leading 0.

    ("", "") for what isn't one.
    """
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", ""
    return str(found.country_code), phonenumbers.national_significant_number(found)
