//! What keys mean: one table. Footer, help and palette are printed from it.
//!
//! Letters are those of gdb, function keys those of graphical debuggers; both are always on. Where a
//! terminal pane takes all letters, the function keys still walk.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::words::{Language, Word};

/// Everything a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "KEYMAP says what each does")]
pub enum Action {
    Over,
    Into,
    Out,
    Back,
    Continue,
    ReverseContinue,
    RunToHere,
    Pause,
    Now,
    NextHeld,
    ResumeAll,
    Break,
    Intercept,
    WatchExpression,
    Edit,
    Revert,
    Replay,
    Kill,
    Fault,
    Traffic,
    Filter,
    ShowSystem,
    Mark,
    Jump,
    PreviousChange,
    NextChange,
    Search,
    Source,
    Detail,
    LessonNext,
    Predict,
    Hint,
    Verify,
    Solve,
    NextTab,
    PreviousTab,
    NextPane,
    PreviousPane,
    Pane(u8),
    Zoom,
    Layout,
    Palette,
    Help,
    Copy,
    Language,
    Theme,
    Redraw,
    Suspend,
    Quit,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Left,
    Right,
    Enter,
    WaterfallIn,
    WaterfallOut,
}

/// A key of the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl.
    pub ctrl: bool,
    /// With Shift; only told for keys that are not letters.
    pub shift: bool,
    /// How it is written.
    pub name: &'static str,
}

const fn letter(c: char, name: &'static str) -> Key {
    Key { code: KeyCode::Char(c), ctrl: false, shift: false, name }
}

const fn ctrl(c: char, name: &'static str) -> Key {
    Key { code: KeyCode::Char(c), ctrl: true, shift: false, name }
}

const fn function(number: u8, name: &'static str) -> Key {
    Key { code: KeyCode::F(number), ctrl: false, shift: false, name }
}

const fn shifted(number: u8, name: &'static str) -> Key {
    Key { code: KeyCode::F(number), ctrl: false, shift: true, name }
}

const fn special(code: KeyCode, name: &'static str) -> Key {
    Key { code, ctrl: false, shift: false, name }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its keys; the first is shown in the footer.
    pub keys: &'static [Key],
    /// Where help puts it.
    pub group: Word,
    /// One or two words for the footer, in English and Chinese.
    pub short: (&'static str, &'static str),
    /// A sentence for help and palette.
    pub long: (&'static str, &'static str),
}

impl Binding {
    /// Returns the footer's words.
    pub fn short(&self, language: Language) -> &'static str {
        if language == Language::Zh { self.short.1 } else { self.short.0 }
    }

    /// Returns the sentence.
    pub fn long(&self, language: Language) -> &'static str {
        if language == Language::Zh { self.long.1 } else { self.long.0 }
    }

    /// Returns all keys, as help writes them.
    pub fn keys(&self) -> String {
        self.keys.iter().map(|key| key.name).collect::<Vec<_>>().join(" ")
    }
}

const fn bind(
    action: Action,
    keys: &'static [Key],
    group: Word,
    short: (&'static str, &'static str),
    long: (&'static str, &'static str),
) -> Binding {
    Binding { action, keys, group, short, long }
}

use Word::{
    GroupApp as App, GroupChange as Change, GroupLesson as Lesson, GroupLook as Look, GroupTraffic as Traffic,
    GroupWalk as Walk,
};

/// The table.
#[rustfmt::skip]
pub const KEYMAP: &[Binding] = &[
    bind(Action::Over, &[letter('n', "n"), function(10, "F10")], Walk, ("next", "下一步"), ("go over: to the next phase beside this one", "到下一个阶段（不进入内部）")),
    bind(Action::Into, &[letter('s', "s"), function(11, "F11")], Walk, ("into", "进入"), ("step into: to the next phase, also one that this one calls", "进入内部：到下一个阶段，包括它调用的")),
    bind(Action::Out, &[letter('o', "o"), shifted(11, "S-F11")], Walk, ("out", "跳出"), ("step out: to the next phase above this one", "跳出：到上一层的下一个阶段")),
    bind(Action::Back, &[letter('b', "b"), function(8, "F8")], Walk, ("back", "后退"), ("look back one step; nothing is undone", "回看上一步（不会撤销任何操作）")),
    bind(Action::Continue, &[letter('c', "c"), function(5, "F5"), letter('a', "a")], Walk, ("let go", "放行"), ("let the held one run on", "放行当前暂停的请求")),
    bind(Action::ReverseContinue, &[letter('C', "C")], Walk, ("back to start", "回到开头"), ("look back to the last mark or breakpoint, or to the first step", "回看到上一个标记或断点，或第一步")),
    bind(Action::RunToHere, &[letter('.', ".")], Walk, ("run to here", "运行到此"), ("run to the selected phase", "运行到所选阶段")),
    bind(Action::Pause, &[letter('P', "P"), function(6, "F6")], Walk, ("pause", "暂停"), ("hold a running trace at its next phase", "在下一个阶段暂停运行中的请求")),
    bind(Action::Now, &[letter('0', "0")], Walk, ("now", "现在"), ("return from the past to now", "从回看返回现在")),
    bind(Action::NextHeld, &[letter('N', "N")], Walk, ("next held", "下一个暂停"), ("go to the next held request", "转到下一个暂停的请求")),
    bind(Action::ResumeAll, &[letter('A', "A")], Walk, ("let all go", "全部放行"), ("let everything go on, and remove no breakpoint", "全部放行（断点保留）")),
    bind(Action::Break, &[letter('B', "B"), function(9, "F9")], Traffic, ("break", "断点"), ("set or remove a breakpoint at the selected phase", "在所选阶段设置或移除断点")),
    bind(Action::Intercept, &[letter('i', "i")], Traffic, ("walk next", "跟踪"), ("walk every request that matches an expression", "跟踪所有匹配表达式的请求")),
    bind(Action::Traffic, &[letter('t', "t")], Traffic, ("traffic", "流量"), ("start or stop the built-in traffic", "启动或停止内置流量")),
    bind(Action::Filter, &[letter('f', "f")], Traffic, ("filter", "过滤"), ("show only requests that match an expression", "只显示匹配表达式的请求")),
    bind(Action::ShowSystem, &[letter('H', "H")], Traffic, ("system", "系统流量"), ("show or hide requests of the system itself", "显示或隐藏系统自身的请求")),
    bind(Action::WaterfallIn, &[letter('+', "+"), letter('=', "=")], Traffic, ("zoom in", "放大"), ("stretch the waterfall", "放大瀑布图")),
    bind(Action::WaterfallOut, &[letter('-', "-")], Traffic, ("zoom out", "缩小"), ("shrink the waterfall", "缩小瀑布图")),
    bind(Action::Edit, &[letter('e', "e")], Change, ("edit", "编辑"), ("change what the held phase is about to work on", "修改暂停阶段将要处理的内容")),
    bind(Action::Revert, &[letter('V', "V")], Change, ("revert", "撤销"), ("take an edit back", "撤销编辑")),
    bind(Action::Replay, &[letter('r', "r")], Change, ("send again", "重发"), ("send the selected request again", "重新发送所选请求")),
    bind(Action::Kill, &[letter('X', "X")], Change, ("kill", "终止"), ("end the held request without an answer", "终止暂停的请求，不作应答")),
    bind(Action::Fault, &[letter('F', "F")], Change, ("fault", "故障"), ("answer the held request with 503", "让暂停的请求返回 503")),
    bind(Action::WatchExpression, &[letter('w', "w")], Look, ("watch", "监视"), ("show the value of an expression at every step", "在每一步显示某个表达式的值")),
    bind(Action::PreviousChange, &[letter('[', "[")], Look, ("previous change", "上一处变化"), ("select the previous changed field", "选择上一处变化")),
    bind(Action::NextChange, &[letter(']', "]")], Look, ("next change", "下一处变化"), ("select the next changed field", "选择下一处变化")),
    bind(Action::Source, &[letter('g', "g")], Look, ("source", "源码"), ("show the source of this step", "显示这一步的源码")),
    bind(Action::Detail, &[letter('D', "D")], Look, ("detail", "详细程度"), ("lesson, filters, or every call", "教学、filter 或每次调用")),
    bind(Action::NextTab, &[special(KeyCode::Right, "Right"), letter('l', "l")], Look, ("next tab", "下一页"), ("the next tab, or open what is selected", "下一页，或展开所选项")),
    bind(Action::PreviousTab, &[special(KeyCode::Left, "Left")], Look, ("previous tab", "上一页"), ("the previous tab, or close what is selected", "上一页，或收起所选项")),
    bind(Action::Search, &[letter('/', "/")], Look, ("search", "搜索"), ("search in the pane with the focus", "在当前窗格中搜索")),
    bind(Action::Mark, &[letter('m', "m")], Look, ("mark", "标记"), ("mark this step with a letter", "用一个字母标记这一步")),
    bind(Action::Jump, &[letter('\'', "'")], Look, ("jump", "跳转"), ("jump to a marked step", "跳到已标记的步骤")),
    bind(Action::Copy, &[letter('y', "y")], Look, ("copy", "复制"), ("copy as kubectl or curl, or the kubeconfig line", "复制为 kubectl 或 curl 命令，或 kubeconfig 那一行")),
    bind(Action::LessonNext, &[letter(' ', "Space")], Lesson, ("go on", "继续"), ("go on with the lesson; without one, go over", "继续课程；没有课程时等于下一步")),
    bind(Action::Predict, &[letter('p', "p")], Lesson, ("predict", "预测"), ("predict the answer before it comes", "在结果出现之前先预测")),
    bind(Action::Hint, &[letter('h', "h")], Lesson, ("hint", "提示"), ("ask for a hint", "查看提示")),
    bind(Action::Verify, &[letter('v', "v")], Lesson, ("verify", "检查"), ("check whether the task is done", "检查任务是否完成")),
    bind(Action::Solve, &[letter('S', "S")], Lesson, ("solution", "答案"), ("carry out the solution", "执行参考答案")),
    bind(Action::NextPane, &[special(KeyCode::Tab, "Tab")], App, ("pane", "窗格"), ("the next pane; 1 to 6 choose one", "下一个窗格；1 到 6 直接选择")),
    bind(Action::PreviousPane, &[special(KeyCode::BackTab, "S-Tab")], App, ("pane back", "上一窗格"), ("the previous pane", "上一个窗格")),
    bind(Action::Zoom, &[letter('z', "z")], App, ("zoom", "最大化"), ("give the whole screen to the pane with the focus", "让当前窗格占满屏幕")),
    bind(Action::Layout, &[letter('L', "L")], App, ("layout", "布局"), ("debugger, presentation or lesson", "调试、演示或课程布局")),
    bind(Action::Palette, &[letter(':', ":"), ctrl('p', "Ctrl-P")], App, ("command", "命令"), ("find and run any command", "查找并执行任意命令")),
    bind(Action::Help, &[letter('?', "?"), function(1, "F1")], App, ("help", "帮助"), ("all keys", "所有按键")),
    bind(Action::Language, &[letter('T', "T")], App, ("中文", "English"), ("switch to Chinese and back", "切换到英文")),
    bind(Action::Theme, &[], App, ("theme", "主题"), ("the next theme: dark, light, high contrast, none", "下一个主题：深色、浅色、高对比度、无色")),
    bind(Action::Redraw, &[ctrl('l', "Ctrl-L")], App, ("redraw", "重绘"), ("draw everything afresh", "重新绘制屏幕")),
    bind(Action::Suspend, &[ctrl('z', "Ctrl-Z")], App, ("suspend", "挂起"), ("to the shell; fg returns", "回到 shell，用 fg 返回")),
    bind(Action::Quit, &[letter('q', "q"), ctrl('c', "Ctrl-C")], App, ("quit", "退出"), ("leave", "退出")),
    bind(Action::Up, &[special(KeyCode::Up, "Up"), letter('k', "k")], App, ("up", "上"), ("up", "上")),
    bind(Action::Down, &[special(KeyCode::Down, "Down"), letter('j', "j")], App, ("down", "下"), ("down", "下")),
    bind(Action::PageUp, &[special(KeyCode::PageUp, "PgUp")], App, ("page up", "上一屏"), ("a page up", "上翻一屏")),
    bind(Action::PageDown, &[special(KeyCode::PageDown, "PgDn")], App, ("page down", "下一屏"), ("a page down", "下翻一屏")),
    bind(Action::Home, &[special(KeyCode::Home, "Home")], App, ("top", "开头"), ("to the top", "到开头")),
    bind(Action::End, &[special(KeyCode::End, "End"), letter('G', "G")], App, ("bottom", "末尾"), ("to the bottom", "到末尾")),
    bind(Action::Enter, &[special(KeyCode::Enter, "Enter")], App, ("open", "打开"), ("open, close or choose what is selected", "展开、收起或选定")),
];

/// Returns the table's line of an action.
pub fn binding(action: Action) -> Option<&'static Binding> {
    KEYMAP.iter().find(|binding| binding.action == action)
}

/// Returns the key that the footer shows for an action.
pub fn key_of(action: Action) -> &'static str {
    binding(action).and_then(|binding| binding.keys.first()).map_or("", |key| key.name)
}

/// Returns what a key does.
pub fn action(event: &KeyEvent) -> Option<Action> {
    if let KeyCode::Char(digit @ '1'..='6') = event.code
        && !event.modifiers.contains(KeyModifiers::CONTROL)
    {
        return Some(Action::Pane(digit as u8 - b'0'));
    }
    KEYMAP.iter().find(|binding| binding.keys.iter().any(|key| pressed(key, event))).map(|binding| binding.action)
}

fn pressed(key: &Key, event: &KeyEvent) -> bool {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    // Letters carry their case; Shift is only told apart on function keys.
    let same_shift = key.shift == shift || !matches!(key.code, KeyCode::F(_));
    // Some terminals send F23 for Shift-F11.
    let code = if event.code == KeyCode::F(23) && key.shift { KeyCode::F(11) } else { event.code };
    let same_shift = same_shift || (event.code == KeyCode::F(23) && key.shift);
    key.code == code && key.ctrl == ctrl && same_shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_a_key() {
        for (at, binding) in KEYMAP.iter().enumerate() {
            for other in &KEYMAP[at + 1..] {
                for key in binding.keys {
                    assert!(
                        !other.keys.contains(key),
                        "{} is both {:?} and {:?}",
                        key.name,
                        binding.action,
                        other.action
                    );
                }
            }
        }
    }

    #[test]
    fn keys_are_found() {
        let press = |code, modifiers| action(&KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('s'), KeyModifiers::NONE), Some(Action::Into));
        assert_eq!(press(KeyCode::Char('A'), KeyModifiers::SHIFT), Some(Action::ResumeAll));
        assert_eq!(press(KeyCode::F(11), KeyModifiers::NONE), Some(Action::Into));
        assert_eq!(press(KeyCode::F(11), KeyModifiers::SHIFT), Some(Action::Out));
        assert_eq!(press(KeyCode::F(23), KeyModifiers::NONE), Some(Action::Out));
        assert_eq!(press(KeyCode::Char('3'), KeyModifiers::NONE), Some(Action::Pane(3)));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('~'), KeyModifiers::NONE), None);
    }
}
