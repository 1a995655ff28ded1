(()=>{const box=document.getElementById("now");if(!box||!window.fetch||!window.DOMParser)return;let busy=0;
setInterval(async()=>{if(document.hidden||busy)return;busy=1;try{const answer=await fetch(box.dataset.now);
if(answer.ok){const fresh=new DOMParser().parseFromString(await answer.text(),"text/html");
for(const id of["lamp","rest"]){const here=document.getElementById(id),there=fresh.getElementById(id);
if(here&&there&&here.outerHTML!==there.outerHTML){here.className=there.className;here.innerHTML=there.innerHTML}}}}
catch(e){}busy=0},4000)})()
