"""One tree of errors with stable codes. A docstring is the title a customer reads; only `app.api.problems` knows HTTP.

`english` and `explanation` say the rest. Codes never change: integrators match on them.
"""

from typing import Any, ClassVar, Final

from app.domain.text import Language, Text


class AppError(Exception):
    """Não foi possível concluir o pedido."""

    code: ClassVar[str] = "unexpected"
    english: ClassVar[str] = "The request could not be completed."
    explanation: ClassVar[Text] = Text("Tente de novo em alguns minutos.", "Try again in a few minutes.")
    internal: ClassVar[str] = ""  # what `str(error)` and so the log says instead, of things no customer may learn

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.internal.format(**facts) or self.explanation.format(**facts).pt)

    @classmethod
    def title(cls, language: Language = "pt-BR") -> str:
        """What happened, in one line."""
        return Text(pt=(cls.__doc__ or "").strip(), en=cls.english).to(language)

    def detail(self, language: Language = "pt-BR") -> str:
        """Where it happened and how to mend it."""
        return self.explanation.format(**self.facts).to(language)

    def in_both_languages(self) -> dict[str, Any]:
        """Code, title and detail, to be kept and shown later."""
        return {
            "code": self.code,
            "title": {"pt-BR": self.title(), "en": self.title("en")},
            "detail": {"pt-BR": self.detail(), "en": self.detail("en")},
        }


# --- what the customer sent ---------------------------------------------------------------------------------------


class BadInput(AppError):
    """O que foi enviado precisa de correção."""

    code = "bad-input"
    english = "What was sent needs mending."


class InvalidCnpj(BadInput):
    """CNPJ inválido."""

    code = "invalid-cnpj"
    english = "Invalid CNPJ."
    explanation = Text(
        "{value!r} não é um CNPJ válido: {reason}. Informe os 14 caracteres, por exemplo 12.ABC.345/01DE-35.",
        "{value!r} is not a valid CNPJ: {reason_en}. Give all 14 characters, for example 12.ABC.345/01DE-35.",
    )


class EmptyFile(BadInput):
    """O arquivo está vazio."""

    code = "empty-file"
    english = "The file is empty."
    explanation = Text(
        "O arquivo {file} não tem nenhuma linha de dados. Exporte de novo e confira o período escolhido.",
        "The file {file} has no data rows. Export it again and check the period chosen.",
    )


class NotATable(BadInput):
    """O arquivo não é uma planilha que sabemos ler."""

    code = "not-a-table"
    english = "The file is not a table we can read."
    explanation = Text(
        "Não encontramos uma tabela em {file}: {reason}. "
        "Envie CSV ou Excel (.xlsx) com os nomes das colunas numa das primeiras linhas.",
        "There is no table in {file}: {reason_en}. "
        "Send CSV or Excel (.xlsx) with the column names on one of the first lines.",
    )


class MissingColumn(BadInput):
    """Falta uma coluna obrigatória."""

    code = "missing-column"
    english = "A required column is missing."
    explanation = Text(
        "O arquivo {file} não tem a coluna {column}. As colunas encontradas foram: {found}. "
        "Inclua a coluna na exportação ou diga qual delas é.",
        "The file {file} has no column for {column}. The columns found were: {found}. "
        "Include it in the export, or say which one it is.",
    )


class UnknownField(BadInput):
    """A correspondência de colunas cita um campo que não existe."""

    code = "unknown-field"
    english = "The column mapping names a field that does not exist."
    explanation = Text(
        "A tabela {table} não tem o campo {field}. Os campos são: {known}.",
        "The table {table} has no field {field}. Its fields are: {known}.",
    )


class UnknownHeading(BadInput):
    """A correspondência de colunas cita uma coluna que não está no arquivo."""

    code = "unknown-heading"
    english = "The column mapping names a column that is not in the file."
    explanation = Text(
        "Nenhum arquivo de {table} tem a coluna {heading}. Escreva o título como ele está na planilha.",
        "No file of {table} has the column {heading}. Write the heading as it stands in the file.",
    )


class MissingTable(BadInput):
    """Falta a planilha dos itens vendidos."""

    code = "missing-table"
    english = "The table of items sold is missing."
    explanation = Text(
        "Para prever é preciso a planilha vendas_itens: o que foi vendido, quando e quanto. "
        "As outras duas podem ir junto.",
        "A forecast needs the table vendas_itens: what was sold, when and how much. The other two may come with it.",
    )


class WrongKindOfFile(BadInput):
    """Este arquivo não é um relatório de vendas ou de produtos."""

    code = "wrong-kind-of-file"
    english = "This file is not a sales or product report."
    explanation = Text("O arquivo {file} parece ser {kind}. {mend}", "The file {file} looks like {kind_en}. {mend_en}")


class UploadTooLarge(BadInput):
    """O arquivo passa do tamanho permitido."""

    code = "upload-too-large"
    english = "The file is over the size limit."
    explanation = Text(
        "O limite é de {limit_mb} MB por envio. Exporte um período menor, ou mande um ano por vez.",
        "The limit is {limit_mb} MB an upload. Export a shorter period, or send one year at a time.",
    )


class BodyTooLarge(BadInput):
    """O pedido passa do tamanho permitido."""

    code = "body-too-large"
    english = "The request is over the size limit."
    explanation = Text(
        "Sem planilhas, um pedido tem aqui até {limit_kb} kB. Planilhas vão em POST /upload.",
        "Without spreadsheets, a request holds {limit_kb} kB here. Spreadsheets go to POST /upload.",
    )


class TooManyCells(BadInput):
    """A planilha ocupa células demais."""

    code = "workbook-too-large"
    english = "The spreadsheet takes up too many cells."
    explanation = Text(
        "Em {file}, as abas vão até a célula {cell} e ocupam mais de {millions} milhões de células, vazias ou não. "
        "Apague as linhas e colunas fora da tabela (Ctrl+End mostra a última), "
        "ou salve a aba como CSV e envie o CSV.",
        "In {file}, the tabs reach the cell {cell} and take up over {millions} million cells, empty or not. "
        "Delete the rows and columns outside the table (Ctrl+End shows the last), "
        "or save the tab as CSV and send the CSV.",
    )


class MonthTooLong(BadInput):
    """Um mês tem linhas de venda demais."""

    code = "month-too-long"
    english = "A month has too many sale lines."
    explanation = Text(
        "O mês {month} passa de {limit} milhões de linhas, mais do que lemos de um mês. "
        "Confira se a exportação não repete as mesmas linhas, ou envie as vendas somadas por dia e produto.",
        "The month {month} has over {limit} million lines, more than is read of one month. "
        "See whether the export repeats the same lines, or send the sales summed by day and product.",
    )


class NothingToForecast(BadInput):
    """Ainda não há vendas para prever."""

    code = "nothing-to-forecast"
    english = "There are no sales to forecast from yet."
    explanation = Text(
        "Nenhuma linha de venda concluída foi aceita. Confira os avisos do envio e mande o arquivo corrigido.",
        "No completed sale line was accepted. Look at the upload's findings and send the mended file.",
    )


class InvalidRequest(BadInput):
    """O pedido tem um campo inválido."""

    code = "invalid-request"
    english = "The request has an invalid field."
    explanation = Text("{problems}", "{problems}")


class UnknownVersion(BadInput):
    """Esta versão da API não existe."""

    code = "unknown-version"
    english = "There is no such version of the API."
    explanation = Text("{version!r} não existe. Há: {known}.", "There is no {version!r}. There are: {known}.")


class NotAcceptable(BadInput):
    """Não respondemos nesse formato."""

    code = "not-acceptable"
    english = "There is no answer in that format."
    explanation = Text("O cabeçalho Accept pode pedir: {known}.", "The Accept header may ask for: {known}.")


class UnsupportedContent(BadInput):
    """Não lemos esse tipo de conteúdo."""

    code = "unsupported-content"
    english = "That type of content is not read here."
    explanation = Text("Este endereço lê {known}.", "This address reads {known}.")


class TooSlow(BadInput):
    """O envio parou no meio."""

    code = "too-slow"
    english = "The request stopped half-way."
    explanation = Text(
        "Em {seconds} s chegou menos do que se espera de uma linha que funciona. Envie de novo.",
        "In {seconds} s less came than a line that works brings. Send it again.",
    )


class IncompleteRequest(BadInput):
    """O envio terminou antes do fim."""

    code = "incomplete-request"
    english = "The request ends before its end."
    explanation = Text("Nada foi guardado. Envie de novo.", "Nothing was kept. Send it again.")


class HeadersTooLarge(BadInput):
    """Os cabeçalhos do pedido são grandes demais."""

    code = "headers-too-large"
    english = "The request's headers are too large."
    explanation = Text("O limite é de {limit_kb} kB.", "The limit is {limit_kb} kB.")


class AddressTooLong(BadInput):
    """O endereço do pedido é longo demais."""

    code = "address-too-long"
    english = "The request's address is too long."
    explanation = Text(
        "O limite, com os parâmetros, é de {limit_kb} kB.", "The limit, with its parameters, is {limit_kb} kB."
    )


class OtherRequestWithThisKey(BadInput):
    """Esta Idempotency-Key já foi usada em outro pedido."""

    code = "idempotency-key-reused"
    english = "This Idempotency-Key was used for another request."
    explanation = Text(
        "Repita o pedido igual ao primeiro, ou mande outra chave.",
        "Repeat the request exactly as it was, or send another key.",
    )


class StillRunning(BadInput):
    """O primeiro pedido com esta Idempotency-Key ainda está em andamento."""

    code = "idempotency-key-in-use"
    english = "The first request with this Idempotency-Key is still running."
    explanation = Text("Espere um instante e repita.", "Wait a moment and repeat it.")


class TooLateToCancel(BadInput):
    """Este envio já terminou."""

    code = "too-late-to-cancel"
    english = "This upload is over already."
    explanation = Text("O envio está em {state} e fica como está.", "The upload is {state} and stays as it is.")


class UploadCancelled(BadInput):
    """Este envio foi cancelado."""

    code = "upload-cancelled"
    english = "This upload was cancelled."
    explanation = Text("Nada dele foi publicado.", "Nothing of it was published.")


class FileNotArrived(BadInput):
    """Falta um arquivo deste envio."""

    code = "file-not-arrived"
    english = "A file of this upload has not arrived."
    explanation = Text("Não recebemos {file}. Envie-o para o endereço dado.", "{file} has not come. PUT it to its URL.")


class ForbiddenAddress(BadInput):
    """Não chamamos este endereço."""

    code = "forbidden-address"
    english = "That address is not called."
    explanation = Text(
        "Use um endereço https público. {host} é interno, desconhecido ou não é https.",
        "Use a public https address. {host} is internal, unknown or not https.",
    )


class WeakPassword(BadInput):
    """A senha é curta demais."""

    code = "weak-password"
    english = "The password is too short."
    explanation = Text("Use 12 caracteres ou mais.", "Use 12 characters or more.")


class AlreadyThere(BadInput):
    """Isso já existe."""

    code = "already-there"
    english = "That is there already."
    explanation = Text("{what} já existe nesta conta.", "{what} is in this account already.")


class StaleCursor(BadInput):
    """O marcador de página não vale mais."""

    code = "stale-cursor"
    english = "The page cursor is no longer valid."
    explanation = Text(
        "A previsão mudou desde a primeira página, ou o marcador está incompleto. Comece de novo sem `cursor`.",
        "The forecast has changed since the first page, or the cursor is cut. Start again without `cursor`.",
    )


# --- who is asking ------------------------------------------------------------------------------------------------


class NotAuthenticated(AppError):
    """Falta a chave de acesso, ou ela não vale."""

    code = "not-authenticated"
    english = "The API key is missing or not valid."
    explanation = Text(
        "Envie a chave no cabeçalho Authorization: Bearer qk_... Chaves revogadas ou vencidas não valem.",
        "Send the key in the header Authorization: Bearer qk_... Revoked and expired keys are not valid.",
    )


class MissingScope(AppError):
    """Esta chave não pode fazer isso."""

    code = "missing-scope"
    english = "This key may not do that."
    explanation = Text(
        "Falta a permissão {scope}. Crie outra chave com ela, ou peça a quem administra a conta.",
        "The scope {scope} is missing. Make another key with it, or ask whoever administers the account.",
    )


class WrongLogin(NotAuthenticated):
    """E-mail ou senha incorretos."""

    code = "wrong-login"
    english = "Wrong e-mail or password."
    explanation = Text(
        "Confira o e-mail e a senha. Esqueceu? Peça um novo link: quantyfy user link E-MAIL.",
        "Check e-mail and password. Forgotten? Ask for a new link: quantyfy user link E-MAIL.",
    )


class UsedLink(NotAuthenticated):
    """Este link já foi usado ou venceu."""

    code = "used-link"
    english = "This link was used already or has expired."
    explanation = Text(
        "Cada link vale uma vez. Peça outro: quantyfy user link E-MAIL.",
        "Each link works once. Ask for another: quantyfy user link E-MAIL.",
    )


class MissingCsrfToken(AppError):
    """O pedido não veio da nossa página."""

    code = "missing-csrf-token"
    english = "The request did not come from our page."
    explanation = Text(
        "Com sessão de navegador, mande o cabeçalho X-CSRF-Token que GET /session responde.",
        "With a browser session, send the header X-CSRF-Token that GET /session answers.",
    )


class TooManyRequests(AppError):
    """Muitos pedidos em pouco tempo."""

    code = "too-many-requests"
    english = "Too many requests in a short time."
    explanation = Text(
        "Tente de novo em {seconds} s. O cabeçalho RateLimit diz quanto resta.",
        "Try again in {seconds} s. The RateLimit header says how much is left.",
    )


# --- what is not there --------------------------------------------------------------------------------------------


class NotFound(AppError):
    """Não encontramos o que foi pedido."""

    code = "not-found"
    english = "What was asked for was not found."


class UnknownRoute(NotFound):
    """Esta página não existe."""

    code = "unknown-route"
    english = "There is nothing at this address."
    explanation = Text("Veja os endereços disponíveis em /docs.", "The addresses there are stand in /docs.")


class WrongMethod(BadInput):
    """Este endereço não aceita essa operação."""

    code = "wrong-method"
    english = "This address does not take that method."
    explanation = Text("{method} não vale aqui. Veja /docs.", "{method} is not taken here. See /docs.")


class UnknownCompany(NotFound):
    """Empresa não encontrada."""

    code = "unknown-company"
    english = "Company not found."
    explanation = Text(
        "Não há dados da empresa {cnpj} nesta conta. Envie as planilhas dela primeiro.",
        "This account has no company {cnpj}. Upload its files first.",
    )


class UnknownUpload(NotFound):
    """Envio não encontrado."""

    code = "unknown-upload"
    english = "Upload not found."
    explanation = Text("Não há envio {upload_id} nesta conta.", "This account has no upload {upload_id}.")


class NotForecastYet(NotFound):
    """A previsão desta empresa ainda não está pronta."""

    code = "not-forecast-yet"
    english = "This company has no published forecast yet."
    explanation = Text(
        "As planilhas da empresa {cnpj} ainda estão sendo processadas, ou nenhum envio terminou bem.",
        "The files of company {cnpj} are still being worked on, or no upload has finished well.",
    )


class UnknownKey(NotFound):
    """Chave não encontrada."""

    code = "unknown-key"
    english = "Key not found."
    explanation = Text("Não há chave {key} nesta conta.", "This account has no key {key}.")


class UnknownWebhook(NotFound):
    """Webhook não encontrado."""

    code = "unknown-webhook"
    english = "Webhook not found."
    explanation = Text("Não há webhook {webhook} nesta conta.", "This account has no webhook {webhook}.")


class UnknownUser(NotFound):
    """Pessoa não encontrada."""

    code = "unknown-user"
    english = "User not found."
    explanation = Text("Não há {email} nesta conta.", "This account has no {email}.")


class UnknownErasure(NotFound):
    """Recibo não encontrado."""

    code = "unknown-erasure"
    english = "Receipt not found."
    explanation = Text("Não há recibo {erasure} nesta conta.", "This account has no receipt {erasure}.")


class Expired(NotFound):
    """Este arquivo já foi apagado."""

    code = "expired"
    english = "This file was removed already."
    explanation = Text(
        "Os arquivos originais ficam guardados por {days} dias.", "Original files are kept for {days} days."
    )


# --- what surrounds us --------------------------------------------------------------------------------------------


DATABASE: Final = Text("O banco de dados", "The database")
QUEUE: Final = Text("A fila", "The queue")
STORAGE: Final = Text("O armazenamento", "The storage")
WORKER: Final = Text("O worker", "The worker")


class Unavailable(AppError):
    """O serviço está temporariamente indisponível."""

    code = "unavailable"
    english = "The service is temporarily unavailable."
    explanation = Text("{part} não respondeu. Tente de novo em instantes.", "{part} did not answer. Try again shortly.")
    internal = "{where}: no answer"


class Busy(Unavailable):
    """Outro envio desta empresa ainda está sendo processado."""

    code = "busy"
    english = "Another upload of this company is still being worked on."
    explanation = Text("Este continua depois dele.", "This one goes on after it.")
    internal = ""


class TookTooLong(Unavailable):
    """O pedido demorou demais."""

    code = "took-too-long"
    english = "The request took too long."
    explanation = Text(
        "Talvez ainda termine. Repetir um envio com os mesmos arquivos não o duplica.",
        "It may still come to an end. Sending the same files again does not double them.",
    )
    internal = ""


class DatabaseBehind(Unavailable):
    """O banco de dados está numa versão anterior à deste programa."""

    code = "database-behind"
    english = "The database is at an earlier version than this program's."
    explanation = Text(
        "Versão do banco: {at}; deste programa: {needed}. Rode quantyfy migrate.",
        "The database's version: {at}; this program's: {needed}. Run quantyfy migrate.",
    )
    internal = ""


class ForeignDatabase(Unavailable):
    """A versão do banco de dados não é do Quantyfy."""

    code = "foreign-database"
    english = "The database's version is none of Quantyfy's."
    explanation = Text(
        "Ele diz estar em {at}, que não é uma versão nossa: confira o endereço do banco. Nada foi mudado.",
        "It says that it is at {at}, which is no version of ours: check its address. Nothing was changed.",
    )
    internal = ""


class DatabaseAhead(AppError):
    """O banco de dados já está numa versão mais nova que a deste programa."""

    code = "database-ahead"
    english = "The database is at a newer version than this program's already."
    explanation = Text(
        "Versão do banco: {at}; deste programa: {needed}. Use o programa mais novo. Nada foi mudado.",
        "The database's version: {at}; this program's: {needed}. Use the newer one. Nothing was changed.",
    )


class DatabaseAway(Unavailable):
    """O banco de dados não respondeu."""

    code = "database-away"
    english = "The database did not answer."
    explanation = Text(
        "Tentamos {address}: confira o endereço, a senha e se o PostgreSQL está no ar.",
        "{address} was tried: check address and password, and whether PostgreSQL is up.",
    )
    internal = ""


class NoOwnerAddress(AppError):
    """Falta o endereço do banco de dados como dono das tabelas."""

    code = "no-owner-address"
    english = "How the owner of the tables reaches the database is missing."
    explanation = Text("Defina QUANTYFY_OWNER_DATABASE_URL.", "Set QUANTYFY_OWNER_DATABASE_URL.")


class ServiceRefused(AppError):
    """O serviço recusou o pedido."""

    code = "service-refused"
    english = "The service refused the request."
    explanation = Text("{title} {detail}", "{title} {detail}")


class NoKey(AppError):
    """Falta a chave de acesso."""

    code = "no-key"
    english = "There is no API key."
    explanation = Text(
        "Inicie o serviço com make run, que cria {file}, ou defina QUANTYFY_API_KEY.",
        "Start the service by make run, which makes {file}, or set QUANTYFY_API_KEY.",
    )


class KeyNotTaken(AppError):
    """O serviço não aceitou a chave de acesso."""

    code = "key-not-taken"
    english = "The service did not take the API key."
    explanation = Text(
        "A chave de {source} não vale em {url}: confira se está inteira e se não venceu nem foi revogada.",
        "The key of {source} is not valid at {url}: see whether it is whole, and neither expired nor revoked.",
    )


class ServiceAway(AppError):
    """O serviço não respondeu."""

    code = "service-away"
    english = "The service did not answer."
    explanation = Text(
        "Tentamos {url}: inicie-o com make run, na pasta do Quantyfy, ou diga em QUANTYFY_API_URL onde ele está.",
        "{url} was tried: start it by make run in Quantyfy's folder, or say in QUANTYFY_API_URL where it is.",
    )


class ServiceSlow(AppError):
    """O serviço demorou demais para responder."""

    code = "service-slow"
    english = "The service took too long to answer."
    explanation = Text(
        "Tentamos {url}: espere um pouco e repita. Repetir um envio com os mesmos arquivos não o duplica.",
        "{url} was tried: wait a little and repeat. Sending the same files again does not double them.",
    )


class NotOurService(AppError):
    """Quem respondeu não é o Quantyfy."""

    code = "not-our-service"
    english = "What answered is not Quantyfy."
    explanation = Text(
        "Em {url} responde outro programa (HTTP {status}): diga em QUANTYFY_API_URL onde está o Quantyfy.",
        "Another program answers at {url} (HTTP {status}): say in QUANTYFY_API_URL where Quantyfy is.",
    )


class ObjectExists(AppError):
    """O arquivo já existe no armazenamento."""

    code = "object-exists"
    english = "The object already exists."
    internal = "{key}: the object already exists"


class ObjectMissing(AppError):
    """O arquivo não existe no armazenamento."""

    code = "object-missing"
    english = "The object does not exist."
    internal = "{key}: the object does not exist"


class PostgresWouldNotStart(AppError):
    """O banco de dados embutido não iniciou."""

    code = "postgres-would-not-start"
    english = "The embedded database did not start."
    explanation = Text(
        "O PostgreSQL em {folder} não iniciou: {reason}",
        "PostgreSQL in {folder} did not start: {reason}",
    )


class WorkerKeepsEnding(AppError):
    """O worker deste serviço não fica de pé."""

    code = "worker-keeps-ending"
    english = "This service's worker does not stay up."
    explanation = Text(
        "O worker terminou {times} vezes seguidas logo depois de iniciar (código de saída "
        "{exit_code}). Veja o motivo nas linhas acima.",
        "The worker ended {times} times in a row soon after its start (exit code {exit_code}). "
        "See the reason in the lines above.",
    )


# --- what is typed at the command line ----------------------------------------------------------------------------


class WrongSetting(AppError):
    """Uma configuração não vale."""

    code = "wrong-setting"
    english = "A setting is not valid."
    explanation = Text(
        "Confira {names}: o arquivo .env.example diz o que cada uma aceita.",
        "Check {names}: the file .env.example says what each takes.",
    )


class CannotOpen(AppError):
    """Não foi possível abrir um arquivo."""

    code = "cannot-open"
    english = "A file could not be opened."
    explanation = Text("{file} {reason}.", "{file} {reason}.")


class CannotWrite(AppError):
    """Não foi possível gravar o resultado."""

    code = "cannot-write"
    english = "The result could not be written."
    explanation = Text("{file}: {reason}. Escolha outra pasta em --out.", "{file}: {reason}. Choose another --out.")


class PortTaken(AppError):
    """O serviço não pôde escutar neste endereço."""

    code = "port-taken"
    english = "The service could not listen at this address."
    explanation = Text(
        "{host}:{port} {reason}: escolha outra porta, por exemplo QUANTYFY_PORT={other} make run.",
        "{host}:{port} {reason}: choose another port, for example QUANTYFY_PORT={other} make run.",
    )


class NoDemoData(AppError):
    """Faltam os dados da demonstração."""

    code = "no-demo-data"
    english = "The demo's data are missing."
    explanation = Text("Rode make demo, que os instala.", "Run make demo, which installs them.")


def by_code() -> dict[str, type[AppError]]:
    """Every error there is, by its code."""
    kinds: list[type[AppError]] = [AppError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {kind.code: kind for kind in kinds}
