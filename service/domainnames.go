package service

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/go-identity/identity/internal/fault"
)

// emailDomain returns the domain of an address, in lower case and its labels in ASCII: the
// name that claims are compared by. It is not ok for what is no address.
func emailDomain(address string) (name string, ok bool) {
	value, err := normalizeEmail(address)
	if err != nil {
		return "", false
	}
	_, name, ok = strings.Cut(value, "@")
	return name, ok
}

// domainName returns the form of a domain's name that claims are compared by: in lower case,
// its labels in ASCII, without a dot at the end.
func domainName(text string) (string, error) {
	if len(text) > maxSpelled {
		return "", notDomain()
	}
	name, ok := hostname(strings.Trim(text, " "))
	if !ok || len(name) > maxDomain {
		return "", notDomain()
	}
	return name, nil
}

// maxDomain is the longest name there is (RFC 1035 §2.3.4), without the dot at its end.
const maxDomain = 253

func notDomain() error {
	return fault.New(fault.Invalid, "domain", "must be the domain of e-mail addresses, such as acme.com")
}

// claimable refuses a name that no tenant may have for itself: one that many parties share,
// and one that is not spelled as claims are compared. What one party has cannot be told from
// a name; that is what proofs are for.
func claimable(name string) error {
	if spelled, err := domainName(name); err != nil || spelled != name {
		return notDomain()
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last[0] < 'a' || last[0] > 'z' { // a part of an address, such as 0x1, for some readers
		return notDomain()
	}
	// Whoever has a public suffix has it for everybody below: co.uk, github.io.
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return fault.New(fault.Invalid, "domain", "is a public suffix, which nobody has for themselves")
	}
	if freeMail(name) {
		return fault.New(fault.Invalid, "domain", "belongs to a provider where anybody can have an address")
	}
	return nil
}

// freeMail reports whether name is, or is below, the domain of a provider where anybody can
// have an address.
func freeMail(name string) bool {
	all := strings.Fields(freeMailDomains)
	return slices.ContainsFunc(all, func(d string) bool {
		rest, below := strings.CutSuffix(name, d)
		return below && (rest == "" || strings.HasSuffix(rest, "."))
	})
}

// freeMailDomains are where the large providers, and access providers that give addresses to
// their customers, have people's addresses. It is not meant to be complete: a proof by DNS
// keeps strangers away from the others. Those that would be missed only by a policy that asks
// for no proof matter most, so the list holds what people have.
const freeMailDomains = `
	gmail.com googlemail.com
	outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp outlook.com.br outlook.com.au
	hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.es hotmail.it hotmail.be hotmail.nl hotmail.com.br
	live.com live.co.uk live.fr live.de live.nl live.be live.it live.com.au live.ca live.cn live.jp live.dk live.se
	msn.com passport.com windowslive.com
	yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.es yahoo.it yahoo.ca yahoo.in yahoo.co.in yahoo.co.jp yahoo.co.id
	yahoo.com.br yahoo.com.ar yahoo.com.mx yahoo.com.au yahoo.com.hk yahoo.com.tw yahoo.com.sg yahoo.com.ph
	yahoo.com.vn yahoo.gr yahoo.ie yahoo.pl yahoo.ro yahoo.se yahoo.dk yahoo.no yahoo.ne.jp
	ymail.com rocketmail.com myyahoo.com
	aol.com aol.co.uk aol.de aol.fr aim.com verizon.net netscape.net
	icloud.com me.com mac.com privaterelay.appleid.com
	proton.me protonmail.com protonmail.ch pm.me
	tutanota.com tutanota.de tutamail.com tuta.io tuta.com keemail.me
	gmx.com gmx.de gmx.net gmx.at gmx.ch gmx.us gmx.co.uk gmx.fr mail.com email.com usa.com europe.com
	web.de freenet.de t-online.de arcor.de 1und1.de online.de posteo.de posteo.net mailbox.org
	zoho.com zohomail.com zohomail.eu zohomail.in
	fastmail.com fastmail.fm hushmail.com hush.com inbox.com lycos.com excite.com startmail.com runbox.com
	hey.com duck.com mozmail.com mailfence.com disroot.org riseup.net cock.li mailo.com
	simplelogin.com simplelogin.co anonaddy.com anonaddy.me addy.io
	yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru
	ukr.net i.ua meta.ua bigmir.net abv.bg mail.bg dir.bg seznam.cz email.cz post.cz centrum.cz volny.cz
	azet.sk centrum.sk zoznam.sk wp.pl o2.pl onet.pl onet.eu op.pl vp.pl interia.pl interia.eu poczta.fm tlen.pl
	freemail.hu citromail.hu indamail.hu inbox.lv inbox.lt mail.ee hot.ee one.lt
	laposte.net orange.fr wanadoo.fr free.fr sfr.fr neuf.fr bbox.fr aliceadsl.fr numericable.fr club-internet.fr
	libero.it virgilio.it alice.it tin.it tiscali.it tim.it inwind.it iol.it
	telefonica.net terra.es terra.com.br sapo.pt mail.pt uol.com.br bol.com.br ig.com.br globo.com globomail.com
	bluewin.ch hispeed.ch sunrise.ch telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl planet.nl xs4all.nl
	home.nl hetnet.nl chello.nl chello.at a1.net aon.at telia.com bredband.net online.no broadpark.no
	btinternet.com sky.com virginmedia.com ntlworld.com talktalk.net tiscali.co.uk blueyonder.co.uk
	comcast.net xfinity.com att.net sbcglobal.net bellsouth.net cox.net charter.net spectrum.net earthlink.net
	juno.com netzero.net optonline.net frontier.com windstream.net centurylink.net rogers.com shaw.ca sympatico.ca
	bell.net videotron.ca telus.net bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
	qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn tom.com
	naver.com hanmail.net daum.net kakao.com nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp i.softbank.jp
	au.com nifty.com biglobe.ne.jp so-net.ne.jp ocn.ne.jp goo.jp excite.co.jp
	rediffmail.com indiatimes.com sify.com walla.com walla.co.il 012.net.il mynet.com ttmail.com
	mailinator.com guerrillamail.com yopmail.com 10minutemail.com temp-mail.org trashmail.com sharklasers.com
	maildrop.cc dispostable.com getnada.com tempmail.com throwawaymail.com fakeinbox.com
`
