# Blobs and secrets as the node's identity: what lib/blob.py is on Linux. Read by run.ps1, so that its scripts have
# these functions. Needs nothing but Windows PowerShell 5.1, which is part of Windows.
#
# The token comes from the instance metadata service at run time, for the identity $env:AZURE_CLIENT_ID where the node
# has several. It is written to no file and goes only to Azure's own hosts and to those that the deployment names in
# $env:START_TASK_LOGS and $env:WHEEL_CACHE.

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12

$StorageVersion = '2023-11-03'
$VaultVersion = '7.4'
$BlobHosts = @(
    '.blob.core.windows.net', '.blob.storage.azure.net', '.blob.core.usgovcloudapi.net', '.blob.core.chinacloudapi.cn'
)
$VaultHosts = '.vault.azure.net', '.vault.usgovcloudapi.net', '.vault.azure.cn'
$Tries = 5

# The status of the answer that an error is about; 0 without any answer.
function Get-Status([Management.Automation.ErrorRecord]$Failure) {
    $exception = $Failure.Exception
    while ($null -ne $exception -and $exception -isnot [Net.WebException]) {
        $exception = $exception.InnerException
    }
    if ($null -eq $exception -or $null -eq $exception.Response) {
        return 0
    }
    return [int]$exception.Response.StatusCode
}

# Runs a call, again after what may pass: no connection, throttling, errors of the service, and what else is named.
function Invoke-Patiently([scriptblock]$Call, [int[]]$Also = @()) {
    for ($attempt = 1; $true; $attempt++) {
        try {
            return & $Call
        }
        catch {
            $status = Get-Status $_
            $passes = $status -eq 0 -or $status -ge 500 -or $status -in (@(408, 429) + $Also)
            if ($attempt -eq $Tries -or -not $passes) {
                throw
            }
            Start-Sleep -Seconds ([Math]::Pow(2, $attempt - 1))
        }
    }
}

# A token of the node's identity. Metadata is never behind a proxy; 404 and 410 pass, says its documentation.
function Get-NodeToken([string]$Resource) {
    $query = "api-version=2018-02-01&resource=$([Uri]::EscapeDataString($Resource))"
    if ($env:AZURE_CLIENT_ID) {
        $query += "&client_id=$([Uri]::EscapeDataString($env:AZURE_CLIENT_ID))"
    }
    $answer = Invoke-Patiently -Also 404, 410 -Call {
        $client = New-Object Net.WebClient
        $client.Proxy = $null
        $client.Headers.Add('Metadata', 'true')
        $client.DownloadString("http://169.254.169.254/metadata/identity/oauth2/token?$query")
    }
    return ($answer | ConvertFrom-Json).access_token
}

# Refuses an address that must not get the node's token; what may be a secret in it is not repeated. `Named` are
# addresses whose hosts the deployment trusts.
function Assert-Address([string]$Url, [string[]]$Hosts, [string[]]$Named = @()) {
    $parts = [Uri]$Url
    $plain = "$($parts.Scheme)://$($parts.Authority)$($parts.AbsolutePath)"
    if ($parts.Scheme -ne 'https' -or $parts.UserInfo -or $parts.Query -or $parts.Fragment) {
        throw "$plain must be an https address without user, query or signature"
    }
    $trusted = @($Named | Where-Object { $_ } | ForEach-Object { ([Uri]$_).Authority })
    $known = @($Hosts | Where-Object { $parts.Host.EndsWith($_) })
    if ($known.Count -eq 0 -and $parts.Authority -notin $trusted) {
        throw "$plain is at another host than *$($Hosts -join ', *'): it does not get the node's token"
    }
}

# A call of the blob service: `Content` is sent, what comes is written to `Into`. Redirects are not followed, so that a
# token stays here. Streams keep memory bounded.
function Invoke-Blob {
    param(
        [string]$Method, [string]$Url, [hashtable]$Headers = @{}, [string]$Query = '',
        [IO.Stream]$Content = [IO.Stream]::Null, [IO.Stream]$Into = [IO.Stream]::Null
    )
    Assert-Address $Url $BlobHosts @($env:START_TASK_LOGS, $env:WHEEL_CACHE)
    $signed = $Headers + @{
        'Authorization' = "Bearer $(Get-NodeToken 'https://storage.azure.com/')"
        'x-ms-version'  = $StorageVersion
    }
    Invoke-Patiently {
        $request = [Net.WebRequest]::CreateHttp("$Url$Query")
        $request.Method = $Method
        $request.AllowAutoRedirect = $false
        foreach ($header in $signed.Keys) {
            $request.Headers[$header] = $signed[$header]
        }
        if ($Method -eq 'PUT') {
            Write-Request $request $Content
        }
        Read-Answer $request $Into
    }
}

function Write-Request([Net.HttpWebRequest]$Request, [IO.Stream]$Content) {
    $Request.ContentType = 'application/octet-stream'
    $Request.ContentLength = $Content.Length
    $Request.AllowWriteStreamBuffering = $false
    if ($Content.Length -gt 0) {
        $Content.Position = 0
        $out = $Request.GetRequestStream()
        try {
            $Content.CopyTo($out)
        }
        finally {
            $out.Dispose()
        }
    }
}

function Read-Answer([Net.HttpWebRequest]$Request, [IO.Stream]$Into) {
    $answer = $Request.GetResponse()
    try {
        if ([int]$answer.StatusCode -ge 300) {
            throw "$($Request.RequestUri.GetLeftPart('Path')) answered $([int]$answer.StatusCode)"
        }
        $Into.SetLength(0)
        $answer.GetResponseStream().CopyTo($Into)
        if ($Request.Method -eq 'GET' -and $Into.Length -ne $answer.ContentLength) {
            throw "$($Request.RequestUri.GetLeftPart('Path')) broke off after $($Into.Length) bytes"
        }
    }
    finally {
        $answer.Dispose()
    }
}

# Uploads a file, whatever was there before; also one that is being written, as the log of a task is.
function Send-Blob([string]$Path, [string]$Url) {
    $file = [IO.File]::Open($Path, 'Open', 'Read', 'ReadWrite')
    try {
        $content = New-Object IO.MemoryStream
        if ($file.Length -lt 64 * 1024 * 1024) {
            $file.CopyTo($content) # A log may grow while it is sent.
        }
        else {
            $content = $file
        }
        Invoke-Blob PUT $Url @{ 'x-ms-blob-type' = 'BlockBlob' } -Content $content
    }
    finally {
        $file.Dispose()
    }
}

# Downloads a blob; the file is there whole or not at all.
function Save-Blob([string]$Url, [string]$Path) {
    $part = "$Path.part"
    try {
        $file = [IO.File]::Open($part, 'Create', 'ReadWrite')
        try {
            Invoke-Blob GET $Url -Into $file
        }
        finally {
            $file.Dispose()
        }
        Move-Item -LiteralPath $part -Destination $Path -Force
    }
    finally {
        if (Test-Path -LiteralPath $part) {
            Remove-Item -LiteralPath $part -Force
        }
    }
}

# Adds to the end of an append blob, which is made if need be.
function Add-Blob([string]$Text, [string]$Url) {
    $content = New-Object IO.MemoryStream(, [Text.Encoding]::UTF8.GetBytes($Text))
    try {
        Invoke-Blob PUT $Url @{} '?comp=appendblock' -Content $content
        return
    }
    catch {
        if ((Get-Status $_) -ne 404) {
            throw
        }
    }
    try {
        Invoke-Blob PUT $Url @{ 'x-ms-blob-type' = 'AppendBlob'; 'If-None-Match' = '*' }
    }
    catch {
        if ((Get-Status $_) -ne 409) {
            throw
        }
    }
    Invoke-Blob PUT $Url @{} '?comp=appendblock' -Content $content
}

# A secret of a key vault, https://VAULT.vault.azure.net/secrets/NAME[/VERSION].
function Get-VaultSecret([string]$Url) {
    Assert-Address $Url $VaultHosts
    $vault = $VaultHosts | Where-Object { ([Uri]$Url).Host.EndsWith($_) }
    $headers = @{ 'Authorization' = "Bearer $(Get-NodeToken "https://$($vault.Substring(1))")" }
    $answer = Invoke-Patiently {
        Invoke-RestMethod -UseBasicParsing -MaximumRedirection 0 -TimeoutSec 60 -Headers $headers `
            -Uri "${Url}?api-version=$VaultVersion"
    }
    return $answer.value
}

# Runs a program; a code other than those that are good ends the script.
function Invoke-Program([string]$Program, [string[]]$Arguments, [int[]]$Good = @(0)) {
    & $Program @Arguments | Out-Host
    if ($LASTEXITCODE -notin $Good) {
        throw "exit code ${LASTEXITCODE} of: $Program $($Arguments -join ' ')"
    }
}

# Runs work while no other start task of this node runs work of that name.
function Invoke-Alone([string]$Name, [scriptblock]$Work) {
    $mutex = New-Object Threading.Mutex($false, "Global\start-task-$Name")
    try {
        $null = $mutex.WaitOne()
    }
    catch [Threading.AbandonedMutexException] {
        Write-Output "a run before was ended in the midst of $Name"
    }
    try {
        & $Work
    }
    finally {
        $mutex.ReleaseMutex()
    }
}

# Ends a script whose work changes the host, unless it runs as an administrator.
function Assert-Administrator([string]$What) {
    $user = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw "$What needs an administrator; give the start task elevation Admin"
    }
}
