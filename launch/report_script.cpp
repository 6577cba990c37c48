// Script of the report: values under the pointer in charts, and crystals that can be turned.
// Radii for the drawing: covalent radii in pm (Cordero et al., Dalton Trans. 2008, 2832), Z = 1..96.
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
const RADII=[31,28,128,96,84,76,71,66,57,58,166,141,121,111,107,105,102,106,203,176,170,160,153,139,139,132,126,124,132,122,122,120,119,120,120,116,220,195,190,175,164,154,147,146,142,139,145,144,142,139,139,138,139,140,244,215,207,204,203,201,199,198,198,196,194,192,192,189,190,187,187,175,170,162,151,144,141,136,136,132,145,146,148,140,150,150,260,221,215,206,200,196,190,187,180,169];
const COLOURS={H:'#e6e6e6',C:'#5b5f66',N:'#4a6fd0',O:'#d6453d',F:'#8fc24a',Cl:'#4fae4f',S:'#e2bf3a',P:'#e08a33',Si:'#c9a877',Li:'#a779d9',Na:'#8f63d2',K:'#7a4bc0',Mg:'#6fae5f',Ca:'#57b59a',Fe:'#c76a35',Cu:'#b8733f',Ti:'#9aa3ad',Al:'#a8b0bd',Ag:'#b9bec7',Au:'#d9b13b',Br:'#9b4a35',I:'#7d3f9c'};
const colour=(symbol,z)=>COLOURS[symbol]||'hsl('+(z*137.5)%360+' 38% 56%)';
function drawing(canvas,data){
  const g=canvas.getContext('2d'),M=data.cell,W=canvas.width,H=canvas.height;
  const at=f=>[0,1,2].map(k=>f[0]*M[0][k]+f[1]*M[1][k]+f[2]*M[2][k]);
  const centre=at([.5,.5,.5]),atoms=[],edges=[],bonds=[];
  for(const [symbol,z,...p] of data.sites){
    const images=p.map(v=>{const w=v-Math.floor(v);return w<.03?[w,w+1]:w>.97?[w-1,w]:[w]});
    for(const x of images[0])for(const y of images[1])for(const t of images[2])
      atoms.push({symbol,z,r:(RADII[z-1]||150)/100,p:at([x,y,t])});
  }
  for(let i=0;i<8;i++)for(let k=0;k<3;k++)if(!(i>>k&1)){const a=[i&1,i>>1&1,i>>2&1],b=[...a];b[k]=1;edges.push([at(a),at(b)])}
  for(let i=0;i<atoms.length&&atoms.length<400;i++)for(let j=0;j<i;j++){
    const d=Math.hypot(...atoms[i].p.map((v,k)=>v-atoms[j].p[k]));
    if(d>.5&&d<1.1*(atoms[i].r+atoms[j].r)&&atoms[i].z!==atoms[j].z)bonds.push([atoms[i],atoms[j]]);
  }
  let reach=1;
  for(const [a,b] of edges)for(const p of [a,b])reach=Math.max(reach,Math.hypot(...p.map((v,k)=>v-centre[k])));
  let yaw=.55,pitch=-.35;
  const scale=.43*Math.min(W,H)/(reach+.35);
  const view=p=>{
    const x=p[0]-centre[0],y=p[1]-centre[1],z=p[2]-centre[2];
    const u=Math.cos(yaw)*x-Math.sin(yaw)*y,v=Math.sin(yaw)*x+Math.cos(yaw)*y;
    const up=Math.cos(pitch)*z-Math.sin(pitch)*v,depth=Math.sin(pitch)*z+Math.cos(pitch)*v;
    const near=1-.1*depth/reach;
    return[W/2+u*scale*near,H/2-up*scale*near,depth,scale*near];
  };
  const draw=()=>{
    g.clearRect(0,0,W,H);
    const things=[];
    for(const [a,b] of edges){const p=view(a),q=view(b);things.push([(p[2]+q[2])/2+.01,()=>{g.strokeStyle=css('--soft');g.globalAlpha=.5;g.lineWidth=1.6;g.beginPath();g.moveTo(p[0],p[1]);g.lineTo(q[0],q[1]);g.stroke();g.globalAlpha=1}])}
    for(const [a,b] of bonds){const p=view(a.p),q=view(b.p);things.push([(p[2]+q[2])/2,()=>{g.strokeStyle=css('--soft');g.globalAlpha=.45;g.lineWidth=5;g.beginPath();g.moveTo(p[0],p[1]);g.lineTo(q[0],q[1]);g.stroke();g.globalAlpha=1}])}
    for(const a of atoms){const p=view(a.p),r=Math.max(5,a.r*.36*p[3]);things.push([p[2]-.02,()=>{
      g.fillStyle=colour(a.symbol,a.z);g.beginPath();g.arc(p[0],p[1],r,0,7);g.fill();
      const s=g.createRadialGradient(p[0]-r*.35,p[1]-r*.4,r*.1,p[0],p[1],r);
      s.addColorStop(0,'rgba(255,255,255,.62)');s.addColorStop(.45,'rgba(255,255,255,0)');s.addColorStop(1,'rgba(0,0,0,.32)');
      g.fillStyle=s;g.fill();
      if(r>15){g.fillStyle='#fff';g.strokeStyle='rgba(0,0,0,.45)';g.lineWidth=3;g.font='600 '+Math.min(24,r*.8)+'px system-ui,sans-serif';g.textAlign='center';g.textBaseline='middle';g.strokeText(a.symbol,p[0],p[1]);g.fillText(a.symbol,p[0],p[1])}
    }])}
    things.sort((a,b)=>b[0]-a[0]);
    for(const t of things)t[1]();
  };
  let held=null,touched=false,visible=true,last=0;
  canvas.addEventListener('pointerdown',e=>{held=[e.clientX,e.clientY];touched=true;canvas.setPointerCapture(e.pointerId)});
  canvas.addEventListener('pointermove',e=>{if(!held)return;yaw-=(e.clientX-held[0])*.01;pitch=Math.max(-1.6,Math.min(1.6,pitch-(e.clientY-held[1])*.01));held=[e.clientX,e.clientY];draw()});
  for(const end of ['pointerup','pointercancel'])canvas.addEventListener(end,()=>held=null);
  new IntersectionObserver(list=>{visible=list[0].isIntersecting}).observe(canvas);
  matchMedia('(prefers-color-scheme:dark)').addEventListener('change',draw);
  const turn=now=>{if(touched)return;if(visible&&now-last>33){yaw+=.004;last=now;draw()}requestAnimationFrame(turn)};
  draw();
  if(!matchMedia('(prefers-reduced-motion:reduce)').matches)requestAnimationFrame(turn);
}
for(const figure of document.querySelectorAll('.crystal'))drawing(figure.querySelector('canvas'),JSON.parse(figure.querySelector('script').textContent));
)js";

}  // namespace anneal
