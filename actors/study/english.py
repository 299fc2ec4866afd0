"""The closed classes of English, and the open-class words that name no subject matter by themselves."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """Give the words of a text as a set."""
    return frozenset(words.split())


DETERMINERS = word_set(
    "a an the this that these those each every any some all both no another either neither its their our his "
    "her my your whose which what such many much more most several few fewer less least enough various "
    "certain numerous"
)
NUMBERS = word_set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand "
    "million billion trillion dozen half twice once hundreds thousands millions billions dozens"
)
PREPOSITIONS = word_set(
    "of in on at by for from with without within into onto upon over under above below between among amongst "
    "through throughout across along around against about during before after behind beyond beneath beside "
    "besides toward towards via per despite except inside outside near off out up down until till since like "
    "unlike as than to versus amid alongside underneath concerning regarding following including excluding"
)
COORDINATORS = word_set("and or nor but yet plus")
SUBORDINATORS = word_set(
    "that which who whom whose because although though while whereas if unless whether when whenever where "
    "wherever why how so lest whereby wherein provided what whatever whoever"
)
RELATIVES = word_set("that which who")
PRONOUNS = word_set(
    "i you he she it we they me him us them myself yourself himself herself itself ourselves themselves this "
    "these those there someone somebody something anyone anything everyone everything nobody nothing none "
    "others another one ones mine yours hers ours theirs everybody anybody latter former whatever each many "
    "most some several few all both"
)
# Words that point at something said before; a sentence that opens with one does not stand alone.
POINTERS = word_set(
    "this these those that it its they them their he him his she her such here there so one another others "
    "both we our you your i my"
)
BE = word_set("be is are was were been being am 's 're")
HAVE = word_set("have has had having")
DO = word_set("do does did")
MODALS = word_set("can could may might must shall should will would cannot can't won't couldn't shouldn't wouldn't")
DOUBTS = word_set("may might could would should")
NEGATIONS = word_set(
    "not never no n't hardly rarely seldom scarcely neither nor without nobody nothing none cannot barely"
)
ADVERBS = word_set(
    "also then thus hence therefore however moreover furthermore nevertheless nonetheless instead otherwise "
    "meanwhile indeed often sometimes always usually generally typically normally commonly mostly mainly "
    "largely primarily chiefly only just even still already again ever very quite rather too almost nearly "
    "about approximately roughly simply merely together apart away back forward well far further later "
    "earlier soon now today once twice first second finally eventually initially originally traditionally "
    "formerly perhaps maybe especially particularly namely respectively up down out off over there here more "
    "most less least so much as long yet directly either both either hereby thereby overnight elsewhere "
    "somewhat altogether likewise similarly accordingly consequently besides alike ago instead"
)
ADJECTIVES = word_set(
    "new old good better best bad worse worst big small large larger largest smaller smallest long longer "
    "longest short shorter high higher highest low lower lowest different same other certain common normal "
    "usual main major minor basic simple complex possible available important useful able own general "
    "specific special typical actual current recent full true false real right wrong left easy hard difficult "
    "free open closed whole single multiple entire early late next last previous following similar various "
    "key crucial essential vital necessary strong stronger weak weaker fast faster slow slower hot cold warm "
    "cool dry wet heavy light dark bright deep shallow wide broad narrow thick thin rich poor young ancient "
    "modern great greater greatest little few several many first second third fourth fifth sixth final "
    "initial original overall total maximum minimum average popular famous known unknown so-called well-known "
    "primary secondary tertiary central local global foreign domestic public private safe dangerous clean "
    "pure raw net gross fixed variable constant stable unstable equal unequal positive negative neutral left "
    "right upper lower inner outer internal external front rear top bottom red orange yellow green blue white "
    "black brown grey gray clear visible invisible sharp smooth rough soft solid liquid gaseous male female "
    "human alive dead elite due aware likely unlikely ready rare frequent rapid sudden gradual steady quick "
    "brief severe mild extreme moderate considerable significant substantial enormous huge vast tiny immense "
    "mere sheer vivid fresh foremost utter eligible numerous scarce royal noble civil tall distant hungry "
    "angry sick healthy happy sad successful extra excess ample adequate inadequate dense sparse prime square "
    "round flat straight crude finite infinite discrete concrete abstract perfect imperfect proper particular "
    "regular irregular double triple dual nonpolar polar"
)
# Adjectives that say how much or which one, never of what kind: a term is the same without them.
LOOSE_ADJECTIVES = word_set(
    "new old good better best bad big small large larger largest smaller smallest long short high higher "
    "highest low lower different same other certain common normal usual main major minor basic simple complex "
    "possible available important useful own general specific special typical actual current recent full true "
    "real right wrong whole single multiple entire early late next last previous following similar various "
    "key crucial essential vital necessary strong weak fast slow great greater greatest little few several "
    "many first second third fourth fifth final initial original overall total popular famous known unknown "
    "so-called well-known numerous particular individual additional further significant considerable "
    "substantial enormous huge vast tiny immense sufficient enough extra excess remaining resulting existing "
    "respective corresponding surrounding nearby entire successive increased decreased reduced increasing "
    "decreasing growing rising falling given two three four five six seven eight nine ten hundred thousand "
    "million billion most more less such simplest broader powerful potential widespread famous notable "
    "complete certain modern traditional alternative appropriate relevant much rapid sudden gradual intense "
    "larger distinct separate called named chief principal fundamental primary"
)
# Nouns too general to be what a text is about.
GENERIC_NOUNS = word_set(
    "way thing example number amount part kind type sort form case fact time times point place people person "
    "man woman year years day days month week hour minute second moment lot bit rest side end top bottom "
    "front back line area region range level degree rate size shape length width height weight value result "
    "results effect effects cause causes reason reasons purpose goal aim idea ideas concept term terms name "
    "names word words sense meaning definition description explanation answer question questions problem "
    "problems issue issues topic subject matter situation condition conditions state circumstance factor "
    "factors aspect aspects feature features characteristic characteristics property properties quality "
    "element elements item items piece pieces unit units member members group groups set sets class classes "
    "category categories list series variety process processes method methods technique approach procedure "
    "step steps stage stages phase phases system systems structure structures model models theory pattern use "
    "uses usage function functions role roles work works job task action actions activity activities event "
    "events change changes increase decrease difference differences similarity relationship relation "
    "relationships connection interaction movement effort attempt try means source sources basis base origin "
    "beginning start ending majority minority half quarter third total sum average pair couple figure figures "
    "table tables chapter section sections page pages paragraph diagram picture image illustration appendix "
    "book text article author reader student students teacher note notes summary introduction overview review "
    "exercise thousand hundred million billion dozen percent percentage proportion ratio fraction share "
    "extent scale period periods age century centuries decade decades today tomorrow yesterday past present "
    "future history world country countries city cities home house life lives body hand hands head eye eyes "
    "mind others everyone everything something anything nothing one ones ability capability possibility "
    "chance opportunity need needs requirement requirements option options choice choices alternative "
    "advantage disadvantage benefit benefits importance significance impact influence evidence information "
    "data detail details knowledge understanding view views opinion position direction order sequence "
    "arrangement combination collection component components material materials object objects product "
    "products body bodies addition contrast comparison instance context environment field aid help support "
    "lack absence presence development production creation formation study research experience practice "
    "application applications thousands millions hundreds astronomer astronomers chemist chemists "
    "mathematician mathematicians philosopher philosophers critic critics observer observers physicists "
    "biologists scientist scientists researcher researchers historian historians economist economists "
    "physicist biologist engineer engineers expert experts user users others author name kinds types forms "
    "parts ways things examples cases facts points places numbers amounts persons men women children rise "
    "fall growth decline spread return loss gain order principle principles rule rules mechanism mechanisms "
    "phenomenon phenomena entity entities quantity quantities measure measures outcome outcomes consequence "
    "consequences distance speed space surface path route location locations portion segment layer layers "
    "version versions bottom center middle edge corner round turn move run look call show content contents "
    "setting settings default following above below versa etc eg ie"
)
# Nouns that pass what is said of them on to what follows "of".
TRANSPARENT = word_set(
    "kind kinds type types sort sorts form forms variety varieties class classes molecule molecules atom "
    "atoms piece pieces drop drops grain grains example examples"
)
# These do so only where no article singles them out: "large amounts of water", but not "the amount of water".
MEASURING = word_set(
    "row rows amount amounts number numbers quantity quantities series lot lots bit pair pairs group groups majority "
    "range collection handful plenty volume volumes concentration concentrations supply supplies"
)
FUNCTION_WORDS = (
    DETERMINERS
    | PREPOSITIONS
    | COORDINATORS
    | SUBORDINATORS
    | PRONOUNS
    | BE
    | HAVE
    | DO
    | MODALS
    | NEGATIONS
    | ADVERBS
    | POINTERS
)
