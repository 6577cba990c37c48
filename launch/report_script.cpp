// Script of the report: values under the pointer in charts. report_drawing.cpp draws crystals.
#include "launch/report_sections.h"

namespace anneal {

const char* const kReportScript = R"js(
'use strict';
const css=name=>getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const count=n=>n>=1e9?(n/1e9).toPrecision(3)+' G':n>=1e6?(n/1e6).toPrecision(3)+' M':n>=1e4?(n/1e3).toPrecision(3)+' k':String(Math.round(n));
for(const chart of document.querySelectorAll('.chart')){
  const data=JSON.parse(chart.querySelector('script').textContent),svg=chart.querySelector('svg'),tip=chart.querySelector('.tip'),cursor=chart.querySelector('.cursor');
  const [x0,x1]=data.frame,W=460,left=44,right=12;
  const hide=()=>{tip.hidden=true;cursor.style.visibility='hidden'};
  svg.addEventListener('pointerleave',hide);
  svg.addEventListener('pointermove',e=>{
    const box=svg.getBoundingClientRect(),px=(e.clientX-box.left)/box.width*W;
    if(px<left||px>W-right){hide();return}
    const x=x0+(px-left)/(W-left-right)*(x1-x0);
    tip.replaceChildren(document.createTextNode(count(x)+' tokens'));
    for(const s of data.series){
      if(!s.points.length)continue;
      let best=s.points[0];
      for(const p of s.points)if(Math.abs(p[0]-x)<Math.abs(best[0]-x))best=p;
      const line=document.createElement('div');
      line.textContent=s.name+'  '+best[1].toFixed(3)+'  (perplexity '+Math.exp(best[1]).toPrecision(4)+')';
      tip.append(line);
    }
    tip.hidden=false;
    const at=(e.clientX-box.left);
    tip.style.top='8px';
    tip.style.left=(at>box.width/2?Math.max(0,at-tip.offsetWidth-14):at+14)+'px';
    cursor.setAttribute('x1',px);cursor.setAttribute('x2',px);cursor.style.visibility='visible';
  });
}
)js";

}  // namespace anneal
