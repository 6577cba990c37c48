// Style of what only the report of a score has: rates, the periodic table, histograms.
#include "launch/score_report_sections.h"

namespace anneal {

const char* const kScoreStyle = R"css(
.rates{min-width:520px}.rates th[scope=row]{width:26%}.rates th small,.rates td small,.rates th.n small{display:block;color:var(--soft);font-size:11.5px;font-weight:400;white-space:normal}
.rates td.n small{white-space:nowrap}.rates td.n b{font-weight:600}.rates tr.other>*{border-top:0;padding-top:0}.rates tr.other th{font-weight:400;color:var(--c);padding-left:12px}
.track{width:42%;padding-right:22px}.track div{position:relative;height:14px;border-radius:3px;background:linear-gradient(90deg,var(--rule) 1px,transparent 1px) 0 0/25% 100%,var(--grid)}
.track div:after{content:"";position:absolute;right:0;top:0;bottom:0;border-right:1px solid var(--rule)}
.whisker-bar{position:absolute;top:4px;height:6px;border-radius:3px;background:var(--c);opacity:.45;min-width:2px}.point{position:absolute;top:1px;width:4px;height:12px;margin-left:-2px;border-radius:2px;background:var(--c)}
.scale{display:flex;justify-content:space-between;font-size:11.5px}.scale span{width:0;display:flex;justify-content:center;white-space:nowrap}
.column{fill:var(--s0);opacity:.82}.column:hover{opacity:1}.mark{stroke:var(--bad);stroke-dasharray:4 3}
.under{font:12.5px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--soft);margin:4px 0 0}.ref{color:var(--c)}th.ref,td.ref{color:inherit}
.pair .ours{background:var(--s0);margin-bottom:2px}.pair .theirs{background:var(--s1)}
.ptable{display:grid;grid-template-columns:repeat(18,minmax(0,1fr));grid-template-rows:repeat(7,auto) 10px repeat(2,auto);gap:3px;font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.el{position:relative;aspect-ratio:1;border-radius:4px;border:1px solid var(--grid);display:flex;flex-direction:column;align-items:center;justify-content:center;line-height:1.15;overflow:hidden}
.el i{position:absolute;inset:0;background:var(--s0)}.el b,.el span{position:relative}.el b{font-size:15px;font-weight:600}.el span{font-size:11px;font-variant-numeric:tabular-nums}
.el.hot b,.el.hot span{color:var(--card)}.el.none{color:var(--soft)}.el.none b{font-weight:400}.el.less i{background:var(--s1)}
.series{display:flex;align-items:center;justify-content:center;font-size:10px;color:var(--soft)}
.ramp i{display:inline-block;width:120px;height:9px;border-radius:3px;border:1px solid var(--rule);background:linear-gradient(90deg,transparent,var(--s0));vertical-align:0;margin:0 4px}.ramp i.diverging{background:linear-gradient(90deg,var(--s1),transparent,var(--s0))}
.views input{position:absolute;opacity:0}.views label{display:inline-block;font:13.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;padding:3px 14px;margin:0 4px 12px 0;border:1px solid var(--rule);border-radius:99px;cursor:pointer}
.views input:checked+label{background:var(--s0);border-color:var(--s0);color:var(--card)}.view{display:none}
#el-set:checked~.v1,#el-ref:checked~.v2,#el-diff:checked~.v3{display:block}
.numbers td:first-child{min-width:210px}.numbers td small{font-size:12px;white-space:normal}.numbers td.n{font-weight:600}
.cards.plots{grid-template-columns:repeat(auto-fill,minmax(min(310px,100%),1fr))}
.why{font:12.5px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;margin:6px 0;overflow-wrap:anywhere}.why small{color:var(--soft);font-size:12px}
.inline,td small.inline{display:inline}.key i.box{height:10px}td sub{font-size:.75em}
.wide{margin:14px 0}.id{overflow-wrap:anywhere}code{font:12.5px ui-monospace,"SF Mono","DejaVu Sans Mono",Consolas,monospace;overflow-wrap:anywhere}
@media(max-width:760px){.el b{font-size:clamp(8px,2.6vw,15px)}.el span{display:none}.ptable{gap:2px}.el{border-radius:3px}.series{font-size:7px}}
@media(max-width:600px){.rates{min-width:0}.rates .counts{display:none}.rates .track{width:34%;padding-right:8px}.scale span:nth-child(even){visibility:hidden}.rates th,.rates td{padding-right:8px}}
@media print{.view{display:none!important}.v1{display:block!important}.views label{display:none}}
)css";

}  // namespace anneal
