// Style sheet of the report. The series colours are the temper colours of steel being annealed.
#include "launch/report_sections.h"

namespace anneal {

const char* const kReportStyle = R"css(
:root{--paper:#fbfaf7;--card:#fff;--ink:#1e2126;--soft:#5d636d;--rule:#dedad1;--grid:#ece8e0;--good:#1f7a52;--bad:#b0392b;
--s0:#2c5f9e;--s1:#a9631f;--s2:#7b4a92;--s3:#2b8a86;--s4:#b23a5b;--s5:#71762a;--s6:#6b7280}
@media(prefers-color-scheme:dark){:root{--paper:#16181c;--card:#1e2126;--ink:#e9e6df;--soft:#a2a7b0;--rule:#363a42;--grid:#2a2e35;--good:#6cc49a;--bad:#ee8474;
--s0:#7fb0ee;--s1:#e3a45a;--s2:#c39adb;--s3:#6ccac5;--s4:#ee8aa6;--s5:#c3c86c;--s6:#a9b0bc}}
.c0{--c:var(--s0)}.c1{--c:var(--s1)}.c2{--c:var(--s2)}.c3{--c:var(--s3)}.c4{--c:var(--s4)}.c5{--c:var(--s5)}.c6{--c:var(--s6)}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 Charter,"Bitstream Charter","Iowan Old Style","Source Serif 4",Cambria,Georgia,"DejaVu Serif",serif}
header,main{max-width:1080px;margin:0 auto;padding:0 28px}
header{padding-top:56px}
.kicker,nav,figcaption,table,.legend,.tip,svg text,.where,.status,.tag,.cell,summary,.notes,pre{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.kicker{margin:0;font-size:13px;letter-spacing:.02em;color:var(--s1)}
h1{font-size:42px;line-height:1.12;font-weight:600;margin:.1em 0 .35em;letter-spacing:-.012em;overflow-wrap:anywhere}
.opening{font-size:20px;line-height:1.5;max-width:46em;margin:0 0 .7em}
.where{color:var(--soft);font-size:13px;margin:0;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:2px 20px;margin:26px 0 0;padding:11px 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);font-size:14px}
a{color:var(--s0);text-decoration:none}a:hover{text-decoration:underline}
section{padding-top:20px}
h2{font-size:27px;font-weight:600;margin:34px 0 4px;letter-spacing:-.008em}
h3{font-size:18px;font-weight:600;margin:24px 0 4px}
.lead{color:var(--soft);max-width:46em;margin:0 0 16px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr));gap:18px;margin:14px 0}
.cards.three{grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr))}
.card{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:14px 16px;break-inside:avoid;min-width:0}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:2px 12px;font-size:13px;color:var(--soft);margin-bottom:8px}
figcaption b{color:var(--ink);font-size:15px;font-weight:600}figcaption em{font-style:normal}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:11.5px;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick{fill:var(--soft);font-size:10.5px}
.grid{stroke:var(--grid)}.axis{stroke:var(--rule)}
.raw{fill:none;stroke:var(--s0);stroke-width:1;opacity:.28}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.dot{fill:var(--c);stroke:var(--card);stroke-width:1.5}
.whisker{stroke:var(--c);stroke-width:2.5;stroke-linecap:round}
.chart{position:relative}.cursor{stroke:var(--soft);stroke-dasharray:2 3;visibility:hidden}
.tip{position:absolute;pointer-events:none;background:var(--ink);color:var(--paper);border-radius:6px;padding:6px 9px;font-size:12px;line-height:1.45;white-space:nowrap;z-index:2;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:12.5px;color:var(--soft);margin-top:6px}
.atoms .key i{width:11px;height:11px;border-radius:50%;vertical-align:-1px;margin-right:5px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.tall{max-height:320px;overflow-y:auto}
.key i{display:inline-block;width:14px;height:3px;border-radius:2px;background:var(--c);margin-right:6px;vertical-align:middle}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;vertical-align:baseline;font-weight:400}
tbody th{font-weight:600;white-space:nowrap}thead th{color:var(--soft);font-size:12.5px;border-bottom:1px solid var(--rule)}
tbody tr+tr>*{border-top:1px solid var(--grid)}tbody tr.first>*{border-top:1px solid var(--rule)}
th.n,td.n{text-align:right;white-space:nowrap}td small{display:block;color:var(--soft);font-size:11.5px}
.stages td:nth-child(3),.stages td:nth-child(4){white-space:nowrap}
.status{font-size:12.5px;color:var(--soft)}.s-done,.s-finished,.s-skipped{color:var(--good)}.s-failed,.s-interrupted{color:var(--bad);font-weight:600}
.tag{font-size:11px;border:1px solid var(--s1);color:var(--s1);border-radius:99px;padding:0 7px;margin-left:4px}
.better{color:var(--good);fill:var(--good)}.worse{color:var(--bad);fill:var(--bad)}
.delta{width:120px;min-width:90px}.delta svg{height:12px}
.forgot,.kept{border-left:3px solid var(--bad);padding-left:12px;margin:12px 0;max-width:46em}.kept{border-color:var(--good)}
.bars{font-size:13px}.bar{width:34%;padding-right:0}.bar i{display:block;height:9px;border-radius:2px;background:var(--s0);min-width:1px}
.pair i{height:6px}.pair .want{opacity:.35;margin-bottom:2px}
.crystal canvas{width:100%;aspect-ratio:5/4;display:block;cursor:grab;touch-action:pan-y;border-radius:6px}canvas:focus-visible,a:focus-visible,summary:focus-visible,input:focus-visible+label{outline:2px solid var(--s0);outline-offset:2px}.crystal canvas:active{cursor:grabbing}
.cell{font-size:12.5px;color:var(--soft);margin:6px 0;font-variant-numeric:tabular-nums}
sub{font-size:.72em;line-height:0}.sites{font-size:12.5px}.sites th,.sites td{padding:2px 10px 2px 0}
details{margin:6px 0}summary{cursor:pointer;font-size:13.5px;color:var(--s0)}
pre{font:12px/1.5 ui-monospace,"SF Mono","DejaVu Sans Mono",Consolas,monospace;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;overflow-x:auto}
.versions{width:auto;font-size:13px;margin-bottom:16px}
.notes{border:1px solid var(--s1);border-radius:8px;padding:12px 18px;margin:24px 0 0;font-size:14px}.notes ul{margin:4px 0 0;padding-left:20px}
main{padding-bottom:80px}
@media(max-width:600px){header{padding-top:30px}h1{font-size:30px}.opening{font-size:17px}header,main{padding-left:16px;padding-right:16px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;--grid:#e4e4e4}nav,.tip{display:none}body{font-size:11pt}header,main{max-width:none;padding:0}header{padding-top:0}h1{font-size:24pt}section,.card,tr{break-inside:avoid}.crystal canvas{max-width:220px}}
)css";

}  // namespace anneal
