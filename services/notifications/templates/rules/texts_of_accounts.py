"""What concerns an account. {code}, {n} the community's name, {u} until when. Nothing else: texts are read on other people's
screens, and reach numbers that may be somebody else's by now."""

from __future__ import annotations

TEXTS_OF_ACCOUNTS: dict[str, dict[str, tuple[str, str]]] = {
    "sign_in_code": {
        "zh-CN": ("登录验证码", "您的验证码:{code},5 分钟内有效。请勿告诉他人。"),
        "en": ("Your sign-in code", "Your code: {code}. It is valid for 5 minutes. Tell nobody."),
    },
    "activation_code": {
        "zh-CN": ("开通账户", "{n}请您开通账户,激活码:{code},14 天内有效。请勿告诉他人;如非本人,请忽略。"),
        "en": ("Open your account", "{n} asks you to open your account. Code: {code}, valid for 14 days. Tell nobody."),
    },
    "channel_code": {
        "zh-CN": ("确认联系方式", "您的验证码:{code},5 分钟内有效,用于确认这是您的联系方式。请勿告诉他人。"),
        "en": ("Confirm this address", "Your code: {code}. It is valid for 5 minutes and confirms this address. Tell nobody."),
    },
    "account_invited": {
        "zh-CN": ("新的社区邀请", "您的账户收到一个社区邀请,请登录后接受或拒绝。"),
        "en": ("An invitation", "Your account was invited to a community. Sign in to accept or decline."),
    },
    "account_password_changed": {
        "zh-CN": ("密码已修改", "您的账户密码已修改,其他设备已退出。如非本人操作,请立即用验证码登录并改密码。"),
        "en": ("Password changed", "Your password was changed; other devices are signed out. Not you? Sign in with a code."),
    },
    "account_channel_added": {
        "zh-CN": ("新增联系方式", "您的账户新增了一个联系方式。如非本人操作,请立即登录删除并联系社区。"),
        "en": ("New address", "Your account can now be reached at one more address. If it was not you, sign in and remove it."),
    },
    "account_channel_removed": {
        "zh-CN": ("删除联系方式", "您的账户删除了一个联系方式。如非本人操作,请联系社区。"),
        "en": ("Address removed", "An address was removed from your account. If it was not you, tell your community."),
    },
    "account_identity_linked": {
        "zh-CN": ("新增登录方式", "您的账户关联了一个外部登录。如非本人操作,请立即登录删除。"),
        "en": ("New way to sign in", "Another provider can now sign you in. If it was not you, sign in and remove it."),
    },
    "account_recovery": {
        "zh-CN": ("账户恢复", "社区正在为您恢复账户,{u}起生效。如非本人申请,请在此之前登录并拒绝。"),
        "en": ("Account recovery", "Your community is recovering your account, from {u} on. Not you? Sign in and object."),
    },
}  # fmt: skip
