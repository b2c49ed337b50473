"""FAQ articles of the demo shop, in English."""

from helpdesk.demo.content import ArticleText

ARTICLES = (
    ArticleText(
        slug="reset-password",
        title="How to reset your password",
        summary="A new password in two minutes, also when the link has expired.",
        keywords="forgot forgotten lost password passcode reset change new link expired log in login sign in",
        body="""\
You can set a new password yourself at any time. You don't need the old one.

1. Open **My account** and choose **Forgot your password?**
2. Type the e-mail address that you order with.
3. Open the mail we send you and follow the link in it.
4. Choose a password of at least ten characters. A short sentence is easy to remember and hard to guess.

**The link is valid for one hour** and works once. If it says that it has expired, ask for a new one and use \
the newest mail.

**No mail after five minutes?** Look into the spam folder, and check that you typed the address that your order \
confirmations go to.
""",
    ),
    ArticleText(
        slug="cannot-log-in",
        title="When you cannot log in",
        summary="Locked accounts, two accounts, codes that never come: what to try first.",
        keywords="login log logging sign in signin account locked blocked access denied two-step verification "
        "authenticator code credentials",
        body="""\
Most login problems are one of these three.

- **Five wrong attempts lock the account for 15 minutes.** Wait, then try once more slowly, or set a new password.
- **You have two accounts.** Many of us ordered years ago with another address. Try that one too, and we'll \
gladly join the two.
- **The verification code is refused.** Codes depend on the clock of your phone. Turn on automatic time in its settings.

If the page stays white after you have logged in, reload it once with Ctrl + F5.

Still outside? Write to us and tell which address you use and what the page says. Never send us your password.
""",
    ),
    ArticleText(
        slug="track-order",
        title="Where is my order?",
        summary="How to track a parcel, and what to do when it is late.",
        keywords="track tracking parcel package shipment shipped delayed late missing lost not arrived status waiting "
        "courier transit whereabouts",
        body="""\
As soon as your parcel leaves our warehouse in Turku, we send you a mail with the tracking code.

1. Open the mail **Your order is on its way** and follow the tracking link.
2. No such mail? Open **My account → Orders**. *Packing* means that it is still with us.

Tracking often stands still for a day while the parcel travels between terminals. That is normal.

**When to write to us:** if nothing has moved for three working days, or the parcel is marked as delivered and \
you don't have it. \
Tell us the order number, and we start a search with the carrier the same day.
""",
    ),
    ArticleText(
        slug="delivery-times",
        title="Delivery times and shipping costs",
        summary="How long it takes, what it costs, and where we ship.",
        keywords="delivery shipping postage cost price fee how long days abroad international country countries ship "
        "Sweden Estonia Germany express home",
        body="""\
| To | Time | Price |
|---|---|---|
| Finland, parcel locker | 1–3 working days | €4.90, free over €80 |
| Finland, to your door | 1–3 working days | €9.90 |
| Sweden, Estonia | 3–5 working days | €12.90 |
| Rest of the EU | 4–8 working days | €17.90 |

Orders that reach us before noon leave the same day.

Masts, kayaks and other long goods travel by lorry. The carrier rings you to agree on a day.

We can't ship gas cartridges, flares or batteries over 100 Wh outside Finland.
""",
    ),
    ArticleText(
        slug="change-order",
        title="Changing or cancelling an order",
        summary="Possible until the parcel is packed.",
        keywords="cancel cancelling cancellation change modify amend edit order wrong address mistake ordered twice "
        "add item",
        body="""\
You can change or cancel an order until it is packed, usually for two hours on a working day.

1. Open **My account → Orders** and choose the order.
2. **Change** lets you correct the delivery address, sizes and amounts. **Cancel** cancels the whole order.
3. The money goes back the way it came, within three working days.

If the buttons are grey, the parcel is already packed. Then let it come and send it back unopened: the return is free.
""",
    ),
    ArticleText(
        slug="returns",
        title="Returning a product",
        summary="30 days to change your mind, and how the refund works.",
        keywords="return returning returns send sent back refund refunded money back exchange swap unwanted label "
        "missing "
        "not arrived 30 days",
        body="""\
You may return anything unused within **30 days**. Opened is fine, sailed is not.

1. Print the return label under **My account → Orders → Return**, or show its code at the post office.
2. Put the product and its packaging into a box. Any box will do.
3. Drop it at a parcel point.

Returns within Finland are free. From elsewhere the label costs €8, which we take off the refund.

**The refund** reaches your account within five working days after the parcel reaches us. Exchanges are quickest \
as a return and a new order.
""",
    ),
    ArticleText(
        slug="warranty",
        title="Something is broken: making a warranty claim",
        summary="Two years on everything, three on electronics.",
        keywords="warranty guarantee broken broke defective defect faulty damaged claim repair replacement complaint "
        "stopped working cracked leaks leaking",
        body="""\
Everything we sell has a two-year warranty, electronics three. We are sorry that you need it.

1. Take two photos: one of the whole product, one of the fault.
2. Write to us with the photos, the order number and one sentence about what happened.
3. We answer within two working days with a repair, a replacement or your money back.

Please don't send the product before you hear from us. Often a spare part by letter is all it takes.

**Damaged in transit?** Keep the box and photograph it too. Tell us within seven days.
""",
    ),
    ArticleText(
        slug="invoice-copy",
        title="Getting a copy of an invoice or receipt",
        summary="Download it, or have it changed to your company's details.",
        keywords="invoice invoices receipt bill copy duplicate VAT billing address company e-invoice accounting pdf",
        body="""\
Every order has its invoice as a PDF under **My account → Orders → Invoice**.

- **Other details on it?** Choose *Edit details*, fill in company, VAT number and reference, and download it again.
- **E-invoice:** tell us your address and operator once. We'll use them from then on.
- **Bought in the shop?** Write to us with the date and the amount, and we'll find the receipt.

An invoice falls due in 14 days. If you need more time, write to us *before* the due date: it costs nothing.
""",
    ),
    ArticleText(
        slug="payment-methods",
        title="Ways to pay",
        summary="Cards, bank, invoice and instalments, and what to do when a payment fails.",
        keywords="pay payment paying card credit debit bank Visa Mastercard MobilePay Klarna PayPal declined rejected "
        "failed charged twice instalments",
        body="""\
You can pay with Visa and Mastercard, MobilePay, Finnish online banks, by invoice (14 days) or in three instalments.

**The payment was declined?** Nothing has been taken. The usual reasons:

- the card isn't opened for internet purchases,
- the confirmation in the bank's app timed out,
- the daily limit was reached.

**Charged twice?** One of the two is a reservation, and the bank releases it in one to three days. If both \
stay, write to us.
""",
    ),
    ArticleText(
        slug="life-jacket-service",
        title="Servicing an inflatable life jacket",
        summary="Check it every spring; have it serviced every other year.",
        keywords="life jacket lifejacket vest inflatable service servicing cartridge CO2 cylinder rearm rearming kit "
        "inflated inspection safety",
        body="""\
An inflatable life jacket needs a look every spring and a service every other year.

1. Open the cover and unscrew the CO₂ cylinder. Weigh it: the weight is stamped on it, 2 g less is too little.
2. Look at the date of the automatic trigger.
3. Blow the jacket up by mouth and leave it overnight. It must still be firm in the morning.
4. Fold it as the drawing inside shows.

We sell re-arming kits by model, and our shop services jackets in a week for €35. A jacket that has gone off needs \
a new cylinder *and* a new trigger.
""",
    ),
    ArticleText(
        slug="chart-update",
        title="Updating the charts of your plotter",
        summary="With the memory card or over Wi-Fi, in about half an hour.",
        keywords="chart charts map maps plotter chartplotter GPS update updating upgrade firmware software memory card "
        "navigation",
        body="""\
New charts come out in March and in August. Updates are free for two years.

1. Put the plotter's memory card into your computer, or connect the plotter to Wi-Fi.
2. Open **My account → My devices** and choose **Update charts**.
3. Wait until it says *Done*. Half an hour is usual. Don't take the card out before.
4. Put the card back and switch the plotter on. The first start takes two minutes.

**"Card is full":** delete old chart areas on the card first.

**Stuck at 99 %:** leave it for ten minutes, then restart. The update carries on where it was.
""",
    ),
    ArticleText(
        slug="choose-size",
        title="Finding the right size",
        summary="How to measure for clothing, boots and life jackets.",
        keywords="size sizes sizing too small too big large tight fit fits measure chart waist chest boots drysuit "
        "clothing",
        body="""\
Measure over the clothes that you'd wear underneath, with the tape loose.

- **Jackets and drysuits:** chest at its widest, and height.
- **Trousers and bibs:** waist and inside leg.
- **Boots:** stand on paper, mark heel and toe, add 1 cm for a wool sock.
- **Life jackets:** your weight decides, not your height.

Between two sizes? Take the larger one for sailing and the smaller one for paddling.

It didn't fit after all? Exchange it within 30 days.
""",
    ),
    ArticleText(
        slug="close-account",
        title="Closing your account and your data",
        summary="Leave the newsletter, download your data, or close the account for good.",
        keywords="delete close remove account erase personal data GDPR privacy unsubscribe newsletter marketing "
        "mailing list stop",
        body="""\
**Newsletter:** the last line of every letter has a link that ends it at once.

**Your data:** choose **My account → Privacy → Download** for a file of everything that we have about you.

**Closing the account:**

1. Open **My account → Privacy → Close account**.
2. Confirm with the link in the mail.
3. We erase name, addresses and history within 14 days.

The law makes us keep invoices for six years. They are kept apart and used for nothing else.
""",
    ),
    ArticleText(
        slug="gift-cards",
        title="Using a gift card",
        summary="How to pay with it, see what is left, and what to do when the code is refused.",
        keywords="gift card giftcard voucher code coupon discount balance redeem present",
        body="""\
A gift card is valid for three years, in the web shop and in the shop in Turku.

1. Put the goods into the basket and go to the checkout.
2. Choose **Gift card or voucher** and type the 16-character code, without spaces.
3. If the card doesn't cover everything, pay the rest as you like.

What isn't used stays on the card. See the balance under **My account → Gift cards**.

**The code is refused?** O and 0 are easily mixed up: there is never a letter O in our codes.
""",
    ),
    ArticleText(
        slug="shop-hours",
        title="Opening hours and picking up in the shop",
        summary="When we are open, where we are, and how a pick-up works.",
        keywords="opening hours open closed shop store Turku pick up pickup collect click holiday holidays Saturday "
        "Sunday parking",
        body="""\
**Luotsi, Linnankatu 74, Turku**, by the river.

| | |
|---|---|
| Monday–Friday | 9–18 |
| Saturday | 10–15, from April to August 9–17 |
| Sunday | closed |

**Picking up:** choose *Pick up in Turku* at the checkout. When everything is ready, usually in two hours, you get a \
message with a code. We keep the parcel for seven days.

Parking is free for an hour in front of the shop. Boats may moor at our pontoon.
""",
    ),
    ArticleText(
        slug="second-hand-device",
        title="A device bought second hand",
        summary="How to free a plotter or a radio from the account of its former owner.",
        keywords="second hand used device plotter serial number former previous owner register registered transfer "
        "unlink release password",
        body="""\
A plotter or a radio belongs to one account. Before you can use it, the former owner has to let it go.

1. Ask the former owner to open **My account → My devices** and to choose **Release**.
2. Switch the device on. It now asks for an account: use yours.
3. The charts and the rest of the warranty come with it.

**Can't you reach them?** Write to us with the serial number and a photo of the receipt or the contract. We ask the \
former owner and release the device after 14 days without an objection.
""",
    ),
)
