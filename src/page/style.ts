/** The page's stylesheet, for light and dark, wide and narrow. */
export const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1b2430, #e6eaf0); --soft: light-dark(#566272, #9ba8b8);
  --paper: light-dark(#f4f6f8, #11151b); --card: light-dark(#fff, #1a2029); --line: light-dark(#dde2e8, #2c3541);
  --link: light-dark(#17598a, #82bdec); --good: light-dark(#1a6b3c, #7cd09c); --bad: light-dark(#a6261d, #ff9d92);
  --busy: light-dark(#7a5200, #f0c063) }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
header, main { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem }
header, .head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .25rem 1.5rem }
header { padding-block: 1.5rem .25rem }
header p, header h1 { margin: 0 }
header p, header form, .note, small, .none, .zero { color: var(--soft) }
h1 { font-size: 1.6rem; line-height: 1.2 }
h1 a { color: inherit; text-decoration: none }
h2 { font-size: 1.15rem; margin: 0 }
section { margin: 1.25rem 0; padding: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem }
.first { border-left: .3rem solid var(--link) }
.alone { max-width: 26rem; margin: 12vh auto 0 }
.alone form { display: grid; gap: .5rem; margin-top: 1rem }
.alone form p { margin: 0 }
.two { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: 1.25rem; align-items: start }
.box { overflow: auto; max-height: 26rem; margin-top: .75rem }
a { color: var(--link) }
a:focus-visible, button:focus-visible, input:focus-visible, .box:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
button, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .35rem; padding: .3rem .75rem }
button { cursor: pointer; color: var(--link); border-color: var(--link) }
.alone button { color: light-dark(#fff, #11151b); background: var(--link); margin-top: .25rem }
input[type=number] { width: 6.5rem }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 5rem) }
caption a { margin-left: .5rem; white-space: nowrap }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: break-word }
thead th { position: sticky; top: 0; background: var(--card); font-size: .85rem; color: var(--soft); box-shadow: 0 1px var(--line) }
tbody th { font-weight: 500 }
.n { text-align: right; min-width: 2.5rem }
.wide { min-width: 52rem }
.wide small, .wide code { overflow-wrap: anywhere }
.wide small { min-width: 9.5rem }
small { display: block; font-size: .85rem; font-weight: 400 }
time { white-space: nowrap }
b { font-weight: 600 }
code, pre { font: .9em/1.5 ui-monospace, monospace }
pre { margin: .5rem 0; padding: .6rem .8rem; overflow-x: auto; background: var(--paper); border-radius: .35rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.5rem; margin: .75rem 0 }
dt { color: var(--soft) }
dd { margin: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
progress { width: 100%; accent-color: var(--link) }
.succeeded { color: var(--good) }
.failed, .refused, .bad { color: var(--bad) }
.running, .publishing, .doubtful { color: var(--busy) }
.json { white-space: pre-wrap; overflow-wrap: anywhere }
@media (max-width: 48rem) {
  .two { grid-template-columns: minmax(0, 1fr) }
  header, main { padding-inline: .75rem }
  section { padding: 1rem }
  table { font-size: .93rem }
  th, td { padding-right: .5rem }
  .n { min-width: 1.9rem }
  .wide { min-width: 34rem }
  .wide small { min-width: 0 }
}
`;
