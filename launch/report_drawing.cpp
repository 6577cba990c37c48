// Script that draws crystals: spheres, bonds and the cell on a canvas, sorted by depth.
// Radii for the drawing: covalent radii in pm (Cordero et al., Dalton Trans. 2008, 2832), Z = 1..96.
#include "launch/report_card.h"

namespace anneal {

const char* const kDrawingScript = R"js(
const RADII=[31,28,128,96,84,76,71,66,57,58,166,141,121,111,107,105,102,106,203,176,170,160,153,139,139,132,126,124,132,122,122,120,119,120,120,116,220,195,190,175,164,154,147,146,142,139,145,144,142,139,139,138,139,140,244,215,207,204,203,201,199,198,198,196,194,192,192,189,190,187,187,175,170,162,151,144,141,136,136,132,145,146,148,140,150,150,260,221,215,206,200,196,190,187,180,169];
const COLOURS={H:'#dcdcdc',C:'#5b5f66',N:'#4a6fd0',O:'#d6453d',F:'#8fc24a',Cl:'#4fae4f',S:'#e2bf3a',P:'#e08a33',Si:'#c9a877',Li:'#a779d9',Na:'#8f63d2',K:'#7a4bc0',Mg:'#6fae5f',Ca:'#57b59a',Fe:'#c76a35',Cu:'#b8733f',Ti:'#9aa3ad',Al:'#a8b0bd',Ag:'#b9bec7',Au:'#d9b13b',Br:'#9b4a35',I:'#7d3f9c'};
const colour=(symbol,z)=>COLOURS[symbol]||'hsl('+Math.round(z*137.5)%360+' 38% 56%)';
function drawing(figure){
  const canvas=figure.querySelector('canvas'),data=JSON.parse(figure.querySelector('script').textContent),g=canvas.getContext('2d'),M=data.cell;
  const at=f=>[0,1,2].map(k=>f[0]*M[0][k]+f[1]*M[1][k]+f[2]*M[2][k]);
  const centre=at([.5,.5,.5]),atoms=[],edges=[],bonds=[],kinds=data.elements;
  // the legend, and sizes: large cells get smaller spheres
  const legend=figure.querySelector('.legend');
  for(const symbol in kinds){
    const k=kinds[symbol],key=document.createElement('span'),dot=document.createElement('i');
    k.r=(RADII[k.z-1]||160)/100;k.colour=colour(symbol,k.z);
    key.className='key';dot.style.background=k.colour;
    key.append(dot,document.createTextNode(symbol+(k.count>1?' × '+k.count:'')));legend.append(key);
  }
  const many=data.sites.length>250;
  for(const [symbol,...p] of data.sites){
    // an atom on a face, edge or corner is drawn on all of them
    const images=p.map(v=>{const w=v-Math.floor(v);return many?[w]:w<.03?[w,w+1]:w>.97?[w-1,w]:[w]});
    for(const x of images[0])for(const y of images[1])for(const t of images[2])atoms.push({symbol,kind:kinds[symbol],p:at([x,y,t])});
  }
  for(let i=0;i<8;i++)for(let k=0;k<3;k++)if(!(i>>k&1)){const a=[i&1,i>>1&1,i>>2&1],b=[...a];b[k]=1;edges.push([at(a),at(b)])}
  const onlyMetals=Object.values(kinds).every(k=>k.metal),single=Object.keys(kinds).length===1;
  for(let i=0;i<atoms.length&&atoms.length<500;i++)for(let j=0;j<i;j++){
    const a=atoms[i],b=atoms[j];
    if(!single&&!onlyMetals&&a.kind.metal&&b.kind.metal)continue;
    if(!single&&onlyMetals&&a.symbol===b.symbol)continue;
    const d=Math.hypot(a.p[0]-b.p[0],a.p[1]-b.p[1],a.p[2]-b.p[2]);
    if(d>.5&&d<1.15*(a.kind.r+b.kind.r))bonds.push([a,b]);
  }
  let reach=1;
  for(const [a,b] of edges)for(const p of [a,b])reach=Math.max(reach,Math.hypot(...p.map((v,k)=>v-centre[k])));
  let yaw=.55,pitch=-.35,zoom=1,W=0,H=0,ratio=1;
  const volume=Math.abs(M[0][0]*(M[1][1]*M[2][2]-M[1][2]*M[2][1])-M[0][1]*(M[1][0]*M[2][2]-M[1][2]*M[2][0])+M[0][2]*(M[1][0]*M[2][1]-M[1][1]*M[2][0]));
  // spheres shrink where atoms are crowded: invalid crystals would be one blot
  const room=Math.min(1,Math.cbrt(volume/Math.max(1,data.sites.length))/1.9);
  const fit=()=>{
    const box=canvas.getBoundingClientRect();ratio=Math.min(3,window.devicePixelRatio||1);
    W=Math.max(120,box.width);H=Math.max(120,box.height||box.width*.8);
    canvas.width=Math.round(W*ratio);canvas.height=Math.round(H*ratio);draw();
  };
  const view=p=>{
    const scale=zoom*.44*Math.min(W,H)/(reach*.97+.25);
    const x=p[0]-centre[0],y=p[1]-centre[1],z=p[2]-centre[2];
    const u=Math.cos(yaw)*x-Math.sin(yaw)*y,v=Math.sin(yaw)*x+Math.cos(yaw)*y;
    const up=Math.cos(pitch)*z-Math.sin(pitch)*v,depth=Math.sin(pitch)*z+Math.cos(pitch)*v;
    const near=1-.1*depth/reach;
    return[W/2+u*scale*near,H/2-up*scale*near,depth,scale*near];
  };
  const stroke=(p,q,style,width,alpha)=>{g.strokeStyle=style;g.globalAlpha=alpha;g.lineWidth=width;g.beginPath();g.moveTo(p[0],p[1]);g.lineTo(q[0],q[1]);g.stroke();g.globalAlpha=1};
  function draw(){
    g.setTransform(ratio,0,0,ratio,0,0);g.clearRect(0,0,W,H);g.lineCap='round';
    const soft=css('--soft'),ink=css('--ink'),things=[];
    for(const [a,b] of edges){const p=view(a),q=view(b);things.push([(p[2]+q[2])/2+.01,()=>stroke(p,q,soft,1,.65)])}
    const width=view(centre)[3]*.16*room;
    for(const [a,b] of bonds){
      const p=view(a.p),q=view(b.p),m=[0,1].map(k=>(p[k]+q[k])/2);
      things.push([(p[2]+q[2])/2,()=>{stroke(p,m,a.kind.colour,Math.max(1.5,width),.8);stroke(m,q,b.kind.colour,Math.max(1.5,width),.8)}]);
    }
    for(const a of atoms){const p=view(a.p),r=Math.max(2,a.kind.r*.36*room*p[3]);things.push([p[2]-.02,()=>{
      g.fillStyle=a.kind.colour;g.beginPath();g.arc(p[0],p[1],r,0,7);g.fill();
      const s=g.createRadialGradient(p[0]-r*.35,p[1]-r*.4,r*.1,p[0],p[1],r);
      s.addColorStop(0,'rgba(255,255,255,.62)');s.addColorStop(.45,'rgba(255,255,255,0)');s.addColorStop(1,'rgba(0,0,0,.32)');
      g.fillStyle=s;g.fill();g.strokeStyle='rgba(0,0,0,.28)';g.lineWidth=.6;g.stroke();
      if(r>9){g.fillStyle='#fff';g.strokeStyle='rgba(0,0,0,.5)';g.lineWidth=2.2;g.lineJoin='round';g.font='600 '+Math.min(14,r*.85)+'px system-ui,sans-serif';g.textAlign='center';g.textBaseline='middle';g.strokeText(a.symbol,p[0],p[1]);g.fillText(a.symbol,p[0],p[1])}
    }])}
    things.sort((a,b)=>b[0]-a[0]);
    for(const t of things)t[1]();
    // names of the cell's vectors beyond their ends, clear of an atom at the corner
    g.font='italic 14px Georgia,serif';g.fillStyle=ink;g.strokeStyle=css('--card');g.lineWidth=3;g.textAlign='center';g.textBaseline='middle';
    const o=view(at([0,0,0]));
    [[1,0,0],[0,1,0],[0,0,1]].forEach((e,k)=>{
      const p=view(at(e)),l=Math.hypot(p[0]-o[0],p[1]-o[1]);
      if(l>14){const x=p[0]+(p[0]-o[0])/l*24,y=p[1]+(p[1]-o[1])/l*24;g.strokeText('abc'[k],x,y);g.fillText('abc'[k],x,y)}
    });
  }
  const start={yaw,pitch};
  let touched=false,visible=false,last=0,spread=0;
  const held=new Map(),turn=(dx,dy)=>{yaw-=dx*.01;pitch=Math.max(-1.57,Math.min(1.57,pitch-dy*.01))};
  const apart=()=>{const [p,q]=[...held.values()];return Math.hypot(p[0]-q[0],p[1]-q[1])};
  canvas.addEventListener('pointerdown',e=>{held.set(e.pointerId,[e.clientX,e.clientY]);touched=true;canvas.setPointerCapture(e.pointerId);if(held.size===2)spread=apart()});
  canvas.addEventListener('pointermove',e=>{
    const from=held.get(e.pointerId);
    if(!from)return;
    held.set(e.pointerId,[e.clientX,e.clientY]);
    if(held.size===1)turn(e.clientX-from[0],e.clientY-from[1]);
    else if(spread>0){const now=apart();zoom=Math.max(.5,Math.min(6,zoom*now/spread));spread=now}
    draw();
  });
  for(const end of ['pointerup','pointercancel'])canvas.addEventListener(end,e=>held.delete(e.pointerId));
  canvas.addEventListener('keydown',e=>{
    const step={ArrowLeft:[-12,0],ArrowRight:[12,0],ArrowUp:[0,-12],ArrowDown:[0,12]}[e.key];
    if(step)turn(...step);
    else if(e.key==='+'||e.key==='=')zoom=Math.min(6,zoom*1.15);
    else if(e.key==='-')zoom=Math.max(.5,zoom/1.15);
    else if(e.key==='0'){zoom=1;yaw=start.yaw;pitch=start.pitch}
    else return;
    touched=true;e.preventDefault();draw();
  });
  canvas.addEventListener('wheel',e=>{
    if(document.activeElement!==canvas)return;  // a page that scrolls is not to stop at every crystal
    zoom=Math.max(.5,Math.min(6,zoom*Math.exp(-e.deltaY*.002)));e.preventDefault();draw();
  },{passive:false});
  new IntersectionObserver(list=>{visible=list[0].isIntersecting}).observe(canvas);
  matchMedia('(prefers-color-scheme:dark)').addEventListener('change',draw);
  if(window.ResizeObserver)new ResizeObserver(fit).observe(canvas);else window.addEventListener('resize',fit);
  window.addEventListener('beforeprint',fit);
  const spin=now=>{if(touched)return;if(visible&&now-last>40){yaw+=.004;last=now;draw()}requestAnimationFrame(spin)};
  fit();
  if(!matchMedia('(prefers-reduced-motion:reduce)').matches&&atoms.length<400)requestAnimationFrame(spin);
}
for(const figure of document.querySelectorAll('.crystal'))drawing(figure);
)js";

}  // namespace anneal
