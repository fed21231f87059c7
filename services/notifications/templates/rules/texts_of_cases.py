"""What is said of cases: a number and a date, never what the matter is about."""

from __future__ import annotations

TEXTS_OF_CASES: dict[str, dict[str, tuple[str, str]]] = {
    "case_received": {
        "zh-CN": ("新事项", "收到新事项 {n},请登记。"),
        "en": ("A new matter", "{n} came in; please register it."),
    },
    "case_registered": {
        "zh-CN": ("已登记", "您的{n}已登记,{o}跟进。"),
        "en": ("Registered", "{n} registered; {o} is your contact."),
    },
    "case_yours": {
        "zh-CN": ("由您负责", "{n} 由您负责。"),
        "en": ("In your hands", "You are in charge of {n}."),
    },
    "case_accepted": {
        "zh-CN": ("已受理", "{n}已受理,期限{day}。"),
        "en": ("Accepted", "{n} accepted; due {day}."),
    },
    "case_declined": {
        "zh-CN": ("不予受理", "{n}不予受理,理由请登录查看。"),
        "en": ("Not accepted", "{n} is not accepted; sign in to read why."),
    },
    "case_forwarded": {
        "zh-CN": ("已转办", "{n}已转{org}办理。"),
        "en": ("Forwarded", "{n} forwarded to {org}."),
    },
    "case_came_back": {
        "zh-CN": ("已退回", "{n} 已退回,请重新转办。"),
        "en": ("It came back", "{n} came back; please route it again."),
    },
    "case_other_route": {
        "zh-CN": ("其他途径", "{n}应通过其他法定途径处理,请登录查看。"),
        "en": ("Another way", "Another legal route is open for {n}; sign in to read which."),
    },
    "case_extended": {
        "zh-CN": ("延期", "{n}经批准延至{day},原因:{r}"),
        "en": ("Extended", "{n} extended to {day}: {r}"),
    },
    "case_answered": {
        "zh-CN": ("已办结", "{n}已办结,请评价。"),
        "en": ("Completed", "{n} completed; please rate."),
    },
    "case_review_open": {
        "zh-CN": ("可申请复查", "不服意见,可于{day}前申请复查。"),
        "en": ("Review", "You may request review by {day}."),
    },
    "case_recheck_open": {
        "zh-CN": ("可申请复核", "不服复查意见,可于{day}前申请复核。"),
        "en": ("Second review", "You may request a second review by {day}."),
    },
    "case_final": {
        "zh-CN": ("已终结", "{n}的复核意见为最终意见。"),
        "en": ("Final", "The decision on {n} is final."),
    },
    "case_review_asked": {
        "zh-CN": ("复查申请", "{n} 申请了复查或复核,期限{day}。"),
        "en": ("A review is asked for", "A review of {n} was asked for; due {day}."),
    },
    "case_supplemented": {
        "zh-CN": ("补充材料", "{n} 有补充材料。"),
        "en": ("Something was added", "The petitioner added to {n}."),
    },
    "case_news": {
        "zh-CN": ("有新进展", "{n}有新进展,请登录查看。"),
        "en": ("News", "There is news of {n}; sign in to read it."),
    },
    "quiet_news": {
        "zh-CN": ("有新进展", "您有一项事务有新进展,请登录查看。"),
        "en": ("News", "There is news for you; sign in to read it."),
    },
    "case_withdrawn": {
        "zh-CN": ("已撤回", "{n} 已撤回。"),
        "en": ("Withdrawn", "{n} was withdrawn."),
    },
    "case_closed": {
        "zh-CN": ("已结束", "{n}已结束。"),
        "en": ("Over", "{n} is over."),
    },
    "case_paused": {
        "zh-CN": ("暂停计时", "{n} 的期限暂停计算。"),
        "en": ("Paused", "The clock of {n} stands still."),
    },
    "case_resumed": {
        "zh-CN": ("恢复计时", "{n} 的期限恢复计算,至{day}。"),
        "en": ("Goes on", "The clock of {n} goes on; due {day}."),
    },
    "case_identified": {
        "zh-CN": ("已实名", "{n} 的信访人已实名。"),
        "en": ("Named", "The petitioner of {n} has said who they are."),
    },
    "case_reopened": {
        "zh-CN": ("重新办理", "{n} 因新的事实重新办理。"),
        "en": ("Open again", "New facts opened {n} again."),
    },
    "case_linked": {
        "zh-CN": ("合并办理", "{n}与先前事项合并办理。"),
        "en": ("Handled together", "{n} is handled together with the earlier one."),
    },
    "case_rated_low": {
        "zh-CN": ("评价偏低", "{n} 的评价为 {stars} 星,请查看理由。"),
        "en": ("A low rating", "{n} was rated {stars}; please read the reason."),
    },
    "case_urgent": {
        "zh-CN": ("紧急事项", "{n} 为紧急事项,请立即处理。"),
        "en": ("Urgent", "{n} is urgent; please see to it now."),
    },
    "seal_asked": {
        "zh-CN": ("需要第二人同意", "{n} 有一项查看申请,需要第二人同意。"),
        "en": ("A second person is needed", "Somebody asked to see what is sealed in {n}; a second person must agree."),
    },
    "help_asked": {
        "zh-CN": ("新的求助", "收到求助 {n},请尽快联系。"),
        "en": ("Somebody asks", "{n} came in; please get in touch soon."),
    },
    "help_ended": {
        "zh-CN": ("已办结", "您的{n}已办结。"),
        "en": ("Settled", "{n} is settled."),
    },
    "help_taken": {
        "zh-CN": ("已有人跟进", "您的{n}已有人跟进。"),
        "en": ("Somebody is in charge", "Somebody is in charge of {n}."),
    },
    "dispute_opened": {
        "zh-CN": ("调解", "{n} 已登记,将安排调解。"),
        "en": ("Mediation", "{n} is registered; a mediation will be arranged."),
    },
    "dispute_mediators": {
        "zh-CN": ("调解员", "{n} 的调解员已确定。"),
        "en": ("Mediators", "The mediators of {n} are set."),
    },
    "dispute_choice": {
        "zh-CN": ("选择调解员", "{n}:对方已提出调解员人选,请登录选择。"),
        "en": ("Choose a mediator", "{n}: the other party chose mediators; sign in to choose yours."),
    },
    "dispute_news": {
        "zh-CN": ("调解有新进展", "{n}有新进展,请登录查看。"),
        "en": ("News", "There is news of {n}; sign in to read it."),
    },
    "mediation_off": {
        "zh-CN": ("调解取消", "{n}:原定的调解取消。"),
        "en": ("Mediation off", "{n}: the mediation that was arranged does not take place."),
    },
    "mediation_scheduled": {
        "zh-CN": ("调解时间", "{n}:调解定于{d} {t},可拒绝。"),
        "en": ("Mediation", "{n}: mediation {d} {t}; you may decline."),
    },
    "mediation_unscheduled": {
        "zh-CN": ("未能安排", "{n} 的场地未能安排,请改期。"),
        "en": ("No room", "No room could be held for {n}; please choose another time."),
    },
    "agreement_changed": {
        "zh-CN": ("协议文本更新", "{n} 的协议文本已更新,此前的签名失效。"),
        "en": ("Another text", "The draft of {n} has another text; earlier signatures are void."),
    },
    "agreement_signed": {
        "zh-CN": ("协议已有签署", "{n} 的协议已有签署,请登录查看并签署。"),
        "en": ("A signature", "The agreement of {n} has another signature; sign in to read and sign it."),
    },
    "agreement_effective": {
        "zh-CN": ("协议生效", "{n} 的协议已生效。"),
        "en": ("Agreed", "The agreement of {n} is in force."),
    },
    "agreement_effective_until": {
        "zh-CN": ("协议生效", "{n} 的协议已生效。司法确认最迟{day}共同申请。"),
        "en": ("Agreed", "The agreement of {n} is in force. Apply jointly for court confirmation by {day}."),
    },
    "confirmation_open": {
        "zh-CN": ("司法确认", "司法确认最迟{day}共同申请。"),
        "en": ("Court confirmation", "Apply jointly for court confirmation by {day}."),
    },
    "confirmation_applied": {
        "zh-CN": ("司法确认", "{n}:对方已申请司法确认,请于{day}前共同申请。"),
        "en": ("Court confirmation", "{n}: the other party applied for confirmation; join in by {day}."),
    },
    "agreement_not_kept": {
        "zh-CN": ("未履行", "{n} 的协议未履行,可向法院起诉。"),
        "en": ("Not kept", "The agreement of {n} is not kept; the way to the court is open."),
    },
    "dispute_ended": {
        "zh-CN": ("已结束", "{n} 的调解已结束,请评价。"),
        "en": ("Over", "The mediation of {n} is over; please rate."),
    },
    "dispute_remedies": {
        "zh-CN": ("调解终止", "{n} 的调解终止,可通过仲裁、行政或诉讼途径解决。"),
        "en": ("Mediation ended", "The mediation of {n} ended; arbitration, authorities and courts stay open."),
    },
    "danger": {
        "zh-CN": ("紧急情况", "{n} 于{t}报告紧急情况,请立即处理。"),
        "en": ("Danger", "{n}: danger was reported at {t}; please act now."),
    },
    "danger_acknowledged": {
        "zh-CN": ("警方已接报", "{n} 的紧急情况警方已接报。"),
        "en": ("The police have it", "The police liaison has what was reported of {n}."),
    },
    "court_consent": {
        "zh-CN": ("转法院", "{n}:对方同意转微法庭,请登录表示是否同意。"),
        "en": ("To the court", "{n}: the other party agrees to go to the micro-court; sign in to say whether you do."),
    },
    "court_consents": {
        "zh-CN": ("转法院", "{n} 各方均同意转微法庭。"),
        "en": ("To the court", "All parties of {n} agree to go to the micro-court."),
    },
    "court_asked": {
        "zh-CN": ("已提交法院", "{n} 已提交,答复期限{day}。"),
        "en": ("With the court", "{n} is with the court; an answer is due on {day}."),
    },
    "court_answered": {
        "zh-CN": ("法院答复", "{n} 有法院答复,请登录查看。"),
        "en": ("The court's answer", "The court answered on {n}; sign in to read it."),
    },
    "court_extended": {
        "zh-CN": ("期限延长", "{n} 的期限延至{day}。"),
        "en": ("Extended", "{n} is due on {day} now."),
    },
    "hearing_off": {
        "zh-CN": ("开庭取消", "{n}:原定的开庭取消。"),
        "en": ("Hearing off", "{n}: the hearing that was arranged does not take place."),
    },
    "hearing_scheduled": {
        "zh-CN": ("开庭时间", "{n} 定于{d} {t}。"),
        "en": ("Hearing", "{n}: {d} {t}."),
    },
    "hearing_unscheduled": {
        "zh-CN": ("未能安排", "{n} 的时间未能安排,请改期。"),
        "en": ("Not held", "{n} cannot be held then; please choose another time."),
    },
    "deadline_near": {
        "zh-CN": ("即将到期", "{n} 将于{day}到期。"),
        "en": ("Due soon", "{n} is due on {day}."),
    },
    "deadline_missed": {
        "zh-CN": ("已超期", "{n} 应于{day}办结,已超期。"),
        "en": ("Overdue", "{n} was due on {day} and is overdue."),
    },
    "deadline_moved": {
        "zh-CN": ("期限调整", "日历公布后,{n}的期限为{day}。"),
        "en": ("Another date", "The calendar is published; {n} is due on {day}."),
    },
}
