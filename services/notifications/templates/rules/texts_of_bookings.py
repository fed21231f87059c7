"""What is said of bookings: name → language → (subject, text).

Parameters: {d} date, {t} time, {p} place, {r} reason, {n} number, {u} until when, {x} extended hours, {c} child, {day},
{ref} what it is about. Nothing sensitive stands in any of them: mail is read on other people's screens."""

from __future__ import annotations

TEXTS_OF_BOOKINGS: dict[str, dict[str, tuple[str, str]]] = {
    "reservation_confirmed": {
        "zh-CN": ("预约成功", "预约成功:{d} {t} {p}。"),
        "en": ("Booked", "Booked: {d} {t}, {p}."),
    },
    "reservation_cancelled": {
        "zh-CN": ("预约已取消", "预约已取消:{d} {t} {p}。{r}"),
        "en": ("Reservation cancelled", "Reservation cancelled: {d} {t}, {p}. {r}"),
    },
    "confidential_booked": {
        "zh-CN": ("预约成功", "预约成功:{d} {t}。"),
        "en": ("Booked", "Booked: {d} {t}."),
    },
    "confidential_cancelled": {
        "zh-CN": ("预约已取消", "预约已取消:{d} {t}。"),
        "en": ("Booking cancelled", "Your booking is cancelled: {d} {t}."),
    },
    "reminder": {
        "zh-CN": ("预约提醒", "提醒:{d} {t} {p}。"),
        "en": ("Reminder", "Reminder: {d} {t} {p}."),
    },
    "place_taken": {
        "zh-CN": ("报名成功", "报名成功:{d} {t} {p}。"),
        "en": ("You have a place", "You have a place: {d} {t}, {p}."),
    },
    "appointment_confirmed": {
        "zh-CN": ("预约成功", "柜台预约成功:{d} {t}{x}。"),
        "en": ("Appointment", "Your appointment at the counter: {d} {t}{x}."),
    },
    "place_waitlisted": {
        "zh-CN": ("已进入候补", "{d} {t} {p} 已满,您在候补第 {n} 位。"),
        "en": ("Waiting list", "{d} {t}, {p} is full; you are number {n} in line."),
    },
    "place_offered": {
        "zh-CN": ("候补有位", "候补有位,请{u}前确认:{d} {t} {p}。"),
        "en": ("A place opened", "A place opened; confirm by {u}: {d} {t}, {p}."),
    },
    "place_released": {
        "zh-CN": ("名额已释放", "{d} {t} {p} 的名额已释放。{r}"),
        "en": ("Place given back", "Your place is given back: {d} {t}, {p}. {r}"),
    },
    "place_missed": {
        "zh-CN": ("未到场", "{d} {t} {p} 未到场,名额已释放。"),
        "en": ("Missed", "Nobody came, the place was released: {d} {t}, {p}."),
    },
    "session_cancelled": {
        "zh-CN": ("活动取消", "活动取消:{d} {t} {p}。{r}"),
        "en": ("Cancelled", "It does not take place: {d} {t}, {p}. {r}"),
    },
    "session_moved": {
        "zh-CN": ("活动改期", "活动改到:{d} {t} {p}。"),
        "en": ("Moved", "It has moved to: {d} {t}, {p}."),
    },
    "session_clashed": {
        "zh-CN": ("场次冲突", "{d} {t} 的场次无法排入:场地已被占用。"),
        "en": ("Clash", "A session on {d} {t} has no room: somebody else has it."),
    },
    "booking_suspended": {
        "zh-CN": ("暂停预约", "多次未到场,预约暂停至{u}。"),
        "en": ("Booking suspended", "After several missed places you cannot book until {u}."),
    },
    "child_signed_in": {
        "zh-CN": ("孩子已签到", "{c}已于{t}签到。"),
        "en": ("Signed in", "{c} signed in at {t}."),
    },
    "collector_refused": {
        "zh-CN": ("请立即确认", "非授权人接{c},请立即确认。"),
        "en": ("Confirm now", "Unlisted collector for {c}; confirm now."),
    },
    "child_left": {
        "zh-CN": ("孩子已接走", "{c}已由授权人接走。"),
        "en": ("Collected", "{c} was collected by an authorised person."),
    },
    "child_left_alone": {
        "zh-CN": ("孩子已离开", "{c}已于{t}自行离开。"),
        "en": ("Left", "{c} left alone at {t}, as you permitted."),
    },
    "child_not_collected": {
        "zh-CN": ("请来接孩子", "下课已 {n} 分钟,{c}仍未接走。"),
        "en": ("Not collected", "{n} minutes after the class {c} is still here."),
    },
    "child_absent": {
        "zh-CN": ("连续缺席", "{c}已连续 {n} 次缺席。"),
        "en": ("Absent again", "{c} was absent {n} times running."),
    },
    "child_still_here": {
        "zh-CN": ("有孩子未接走", "下课已 {n} 分钟,仍有孩子未接走(场次 {ref})。"),
        "en": ("A child is still here", "{n} minutes after the class a child is still here (session {ref})."),
    },
    "absences": {
        "zh-CN": ("连续缺席", "有孩子已连续 {n} 次缺席(登记 {ref})。"),
        "en": ("Absent again", "A child was absent {n} times running (enrolment {ref})."),
    },
    "roster_published": {
        "zh-CN": ("值班表", "{n} 值班表已发布,请查看您的班次。"),
        "en": ("Duty roster", "The roster of {n} is published; see your shifts."),
    },
    "swap_asked": {
        "zh-CN": ("换班请求", "有人请您接替 {d} {t} 的值班。"),
        "en": ("Swap", "Somebody asks you to take over the shift on {d} {t}."),
    },
    "shift_swapped": {
        "zh-CN": ("换班完成", "{d} {t} 的值班已换班。"),
        "en": ("Swapped", "The shift on {d} {t} has been swapped."),
    },
    "shift_uncovered": {
        "zh-CN": ("值班空缺", "{d} {t} 无人值班。"),
        "en": ("Nobody on duty", "Nobody is on duty on {d} {t}."),
    },
    "appointments_uncovered": {
        "zh-CN": ("预约无人接待", "{d} {t} 有 {n} 个预约无人值班。"),
        "en": ("Appointments uncovered", "{n} appointments on {d} {t}, and nobody on duty."),
    },
    "ticket_called": {
        "zh-CN": ("请到柜台", "{n} 号,请到柜台。"),
        "en": ("Your turn", "Number {n}, please come to the counter."),
    },
    "loan_due_soon": {
        "zh-CN": ("图书将到期", "借阅的图书 {day} 到期。"),
        "en": ("Due soon", "Your book is due on {day}."),
    },
    "loan_overdue": {
        "zh-CN": ("图书逾期", "借阅的图书已于 {day} 到期,请归还。"),
        "en": ("Overdue", "Your book was due on {day}; please return it."),
    },
    "parlour_replied": {
        "zh-CN": ("您有新答复", "书记会客厅有新答复,请登录查看。"),
        "en": ("A reply", "There is a reply for you; sign in to read it."),
    },
    "parlour_overdue": {
        "zh-CN": ("答复逾期", "有一件来访应于 {day} 前答复,尚未答复。"),
        "en": ("Reply overdue", "A visit should have been answered by {day}."),
    },
    "visit_planned": {
        "zh-CN": ("上门安排", "工作人员将于{d} {t}上门,请核验工作证。"),
        "en": ("Visit", "A worker visits {d} {t}; check the work pass."),
    },
    "visit_unanswered": {
        "zh-CN": ("上门无人应答", "{t} 上门无人应答,请尽快联系(编号 {ref})。"),
        "en": ("Nobody answered", "Nobody answered the door at {t}; please get in touch (no. {ref})."),
    },
    "meal_unanswered": {
        "zh-CN": ("送餐无人应答", "{t} 送餐无人应答,请尽快联系(编号 {ref})。"),
        "en": ("Nobody answered", "Nobody took the meal at {t}; please get in touch (no. {ref})."),
    },
    "share_fell": {
        "zh-CN": ("服务面积不足", "服务面积占比 {n}%,低于 97%。"),
        "en": ("Service area", "The service area is {n} %, below 97 %."),
    },
}
